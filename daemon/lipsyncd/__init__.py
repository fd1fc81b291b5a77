"""lipsyncd: a daemon that holds a lip-sync generator ready and renders jobs with it.

A tour, in the order in which a job meets the files:

    errors       every failure a client may see, with its name on the wire
    wire         the protocol, on one page: a header and a map
    connection   messages and descriptors over a socket, for the daemon and its clients
    listener     the control socket
    server       accepts clients, and gives each a session
    session      one client: a request comes in, a reply goes out
    verbs        what a client can ask for, one handler each
    job          a job, its states and its options
    spool        private copies of the inputs, and the results
    store        the durable queue and the history
    scheduler    takes jobs from the queue to the render thread
    board        how far the running jobs are, and who waits for which
    render       the straight line: face and voice in, result out
    media, face, model             what a render is made of
    warmup, native                 what comes before the first one
    config, journal, notify, lock  the operator, the log, systemd, other daemons
    status       the daemon's own condition
    main         builds everything; the only file that sees both planes
"""

__version__ = "0.1.0"
