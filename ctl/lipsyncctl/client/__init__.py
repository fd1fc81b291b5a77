"""The client library: all that speaks with the daemon. It prints nothing and never exits.

    client     Client: every verb as a method
    daemon     what of it is asked of the daemon itself: its health, a drain, ...
    jobs       and of jobs that there are, in one question
    preflight  and of files, before there is a job of them
    job, event what comes back: a Job, an Event of its life

and behind them:

    submit, list, wait, follow, fetch
               the verbs that are more than one question
    address    where the daemon is
    session    one connection: a question, and its answer or its error
    unreachable, units
               why there is none, and what systemd has to do with it
    outage     the time in which a daemon restarts: it is waited out
    deadline   the time in which a call has to be over
    key        what makes it safe to submit once more
    links      symbolic links of strangers, which a result is not written through
"""
