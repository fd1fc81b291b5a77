"""Faces and voices: made here, real ones, and ones that state more than they hold."""
