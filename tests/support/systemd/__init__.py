"""Machines that a real systemd has booted."""
