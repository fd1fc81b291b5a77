"""The client library: all that speaks with the daemon. It prints nothing and never exits.

    client     Client: every verb as a method, whatever number of daemons there is
    daemons    what of it is asked of the daemons themselves: their health, a drain, ...
    job        what comes back: a Job, an Event

and behind them:

    submit, list, wait, follow, fetch
               the verbs that are more than one question
    instances  where the daemons are, and which of them has a job or gets one
    session    one connection: a question, and its answer or its error
    outage     the time in which a daemon restarts: it is waited out
    deadline   the time in which a call has to be over
    key        what makes it safe to submit once more
    links      symbolic links of strangers, which a result is not written through
"""
