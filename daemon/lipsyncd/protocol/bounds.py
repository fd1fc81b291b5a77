"""The bound of every time and duration in a request; programs that only ask need no more."""

MAX_SECONDS = 366 * 86400
