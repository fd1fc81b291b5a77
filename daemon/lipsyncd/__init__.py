"""lipsyncd: a daemon that holds a lip-sync generator ready and renders jobs with it.

A tour, from the bottom up; each package imports only from those above it in this list:

    errors       every failure a client may see, with its name on the wire
    protocol     what crosses a boundary: messages and descriptors over a socket (wire, connection),
                 a job and its states (job, ids), whom it counts for (user), what a client may
                 choose (options: how it is rendered, terms: when and for whom, choices: how both
                 are read), what may be asked beside a render and what is told then (preflight,
                 probe, review; told is how that is read), what a result may be (outputs), what may
                 be made anew (redo), what a field may hold (values)
    system       systemd, its journal and its watchdog, the disk, the clock, places, locks, crashes
    config       what the operator chose
    queue        a job's life, from acceptance to the end:
                 admission           the bounds, and what a job has to pass
                 snapshot, spool, contents, left
                                     private copies of the inputs, and the results
                 preflight, unnamed  what is asked beside renders, on files of which nothing stays
                 store               the durable queue, and what became of everything: database
                                     (schema, rows, integrity), jobs, line, history, usage
                 order, positions, givingway
                                     who is next, and when; who lets others go first
                 scheduler, running, attempt, transitions, pause
                                     renders at once, each from its start to its end
                 updates, tally      how far they are, and who waits for which; in numbers
                 retention, levelling, janitor
                                     what is over is ended and removed
                 recovery            what an earlier life left behind
                 renderer, selftest  what is asked of the data plane, and the proof that it works
    processes    the other processes, as the daemon sees them: child, device (one for each, kept
                 alive), pool (which serves which render), template (forks what is needed now),
                 render (one of these), rendering (of a job: one that leads, and helpers; spread is
                 who makes which part, shares how many each job may have), preflight (one for each
                 probe, preview or review), plans (what is known of faces), plane (all of a
                 configuration), renderer (what the queue asks), warmup (before READY), intake (one
                 for each request with files), listing (what lies beside the checkpoint), blame (for
                 a crash)
    intake       the process that has the files of a request open, and its template
    service      the daemon's own life: controlplane (what all sessions share), worker, reload,
                 stop, statusline
    server       from the socket to a handler: listener, server, client (its bytes, without its
                 files), peer, subordinate, session, stream, request, columns, refusals, verbs
    media        files: container, images, tracks (which of its streams), source (at one rate),
                 voice and result; look is what makes frames of a file's pictures (interlace,
                 background, mapping, orientation, mastering), coding what makes new colours samples
                 of theirs, timeline which of them is shown when; output (muxers, encoders) is what
                 a result is to be, part some seconds of its pictures, kept what it has of the
                 face's file; mel and speech are what is heard
    face         faces: box and face, track (who is where), warp and align (exactly where); lips,
                 rest (which mouth is at rest), opening and neutral (what is made of it), teeth
                 (behind it), patch (copies of both), motion and light (what is done to it); a blend
                 is a way to put a new mouth into a frame: transfer, soft, reference
    model        the generator on its device, the detector, the landmarker, the recogniser, the sync
                 expert; layouts are those of published weights, listing is the process that tells
                 which lie in a folder; process is the device process, passes what it has done,
                 looks what it has seen of faces, exchange the memory that it shares with a render
    render       pipeline is the straight line, face and voice in and result out; scene is its first
                 half, what pictures are made of: inputs are the two, plan (survey, choice, gaps,
                 looking) is the look at the face before them, plans keeps those, known what of them
                 is in the work, people who is on a picture, hearing what lips follow; dub gives
                 frames their new mouths, neutrals are the faces they are moved in. parts is how a
                 result is divided, work the file in which it keeps what is finished, and from which
                 other jobs may go on. redo makes a stretch of a result anew; probe (report, sync)
                 and preview go the same way without a result, review (moments) looks at one that is
                 there. template and process are the processes around all, orders what the daemon
                 tells them, mouths asks a device for batches; cage (landlock, seccomp) is what a
                 render gives up before it looks at media
    main         builds everything

There are two planes, which meet only in main.  The control plane (sessions, queue, spool, store,
journal) is the standard library, msgpack and sdnotify; the data plane (media, face, model, render)
is numpy, PyTorch, OpenCV, librosa and PyAV, and lives in the processes that `processes` starts.

How a job travels:

    1  lipsyncctl opens the face and the voice, and sends `submit` with both descriptors beside it.
    2  The daemon checks them against the bounds, copies them into its spool, commits the job to its
       store and answers `accepted`.
    3  The scheduler takes the next job of the line, counts the attempt, and gives it a thread that
       iterates the render.  Up to `max_active` jobs run at once and share the generator's batches,
       all but one of them of one user.
    4  The render looks through the video once for its plan: the shots, the faces in them, and for
       each the frame in which the mouth is most at rest.  It gives that face and the sound around
       each frame to the generator in batches, moves the face's own lips as the generator's move,
       puts them where the head is, lit as it is lit there, and encodes them, in parts of some ten
       seconds, by as many processes as nobody else needs.  Parts are kept until all are there and
       joined; between two of them a long job gives way to others.  Each batch is a sign of life, a
       step of the progress bar and a chance to cancel.
    5  The result is renamed into place.  lipsyncctl fetches a descriptor of it and copies it to
       where -o says.
"""

__version__ = "1.0.0"
