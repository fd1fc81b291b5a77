"""lipsyncd: a daemon that holds a lip-sync generator ready and renders jobs with it.

A tour, in the order in which a job meets the files:

    errors       every failure a client may see, with its name on the wire
    wire         the protocol, on one page: a header and a map
    connection   messages and descriptors over a socket, for the daemon and its clients
    listener     the control socket
    server       accepts clients, and gives each a session
    session      one client: a request comes in, a reply goes out
    request      what the session hands to the verbs, and what all sessions share
    verbs        what a client can ask for, one handler each
    job          a job, its states and its options
    spool        private copies of the inputs, and the results
    store        the durable queue and the history
    scheduler    takes jobs from the queue to the render thread
    outcome      how a job ends
    board        how far the running jobs are, and who waits for which
    dataplane    what is asked of the data plane, which is the studio
    studio       the models and their renders as one thing
    render       the straight line: face and voice in, result out
    media, face, model             what a render is made of
    warmup, native                 what comes before the first one

and around it the daemon's own life:

    main         builds everything; the only file that sees both planes
    arguments, config              what the operator chose
    recovery     the state of an earlier life, taken over
    worker       the render thread: loads, says READY, renders
    loading      what is told meanwhile
    heartbeat, warmpass            proof that frames advance, or that they would
    reload, stop                   other choices in a running daemon; its end
    status, bulletin               the daemon's condition, and its line in systemctl status
    events, journal, journald      what is told by name, and how it reaches systemd's journal
    notify, lock                   systemd, other daemons
"""

__version__ = "0.1.0"
