"""lipsyncd: a daemon that holds a lip-sync generator ready and renders jobs with it.

A tour, in the order in which a job meets the files:

    errors       every failure a client may see, with its name on the wire
    wire         messages as bytes and as maps; ../PROTOCOL.md is the protocol, whole
    connection   messages and descriptors over a socket, for the daemon and its clients
    sessions     from the socket to a handler: listener, server, peer, subordinate, session,
                 request, verbs
    jobs         from acceptance to the end:
                 options, job        what a client may choose; a job and its states
                 admission           the bounds, and what a job has to pass
                 snapshot, spool     private copies of the inputs, and the results
                 database (schema, rows, damage, wal), store, usage, history
                                     the durable queue, and what became of everything
                 order, pace, line   who is next, and when
                 scheduler, run, pause, outcome
                                     renders at once, each from its start to its end
                 board               how far they are, and who waits for which
                 retention, levelling, janitor
                                     what is over is ended and removed
                 recovery            what an earlier life left behind
    dataplane    what is asked of the data plane, which is the studio
    studio       the models and their renders as one thing
    render       the straight line: face and voice in, result out
    media, face, model             what a render is made of
    warmup       what comes before the first one

and around it the daemon's own life:

    main         builds everything; the only file that sees both planes
    arguments, config              what the operator chose
    house        the state of an earlier life, opened: what all sessions share
    worker       the render thread: loads, says READY, renders
    reload, stop                   other choices in a running daemon; its end
    bulletin     its line in systemctl status
    host         systemd, its journal and its watchdog, and the machine
"""

__version__ = "0.1.0"
