"""lipsyncweb: the page for whoever opens no terminal, a thin client of a daemon or of a farm.

    arguments  what may be typed, and which of it goes together
    users      who asks: by a password, by a header of a proxy, or whoever is at this machine
    words      what the page says, in English and Chinese
    refusals   an error as an answer over HTTP
    folder     uploads until they are handed over, and faces of jobs while there is room
    jobs       the jobs of one user, and nobody else's
    watch      what becomes of them, for the tabs that are open
    show       a job, a file that was looked at and the service, as pieces of HTML (templates)
    result     a result as it is sent: a part of it, or many as a zip
    looking    a probe, pictures of its faces, and a preview
    routes     what is asked beside Gradio: events, results, cancel, retry, ...
    options    the choices of a job as Gradio's widgets
    make       the first tab, which hands in jobs
    page       the whole page, in Gradio's Blocks
    gate       what each request has to pass before anything else hears of it
    main       the program: a socket, the page behind its gate, and uvicorn

No render is ever in Gradio's own queue: a job is handed to the daemon at once, and its row is drawn
by events (static/page.js).  The page may be killed at any time; what it has by itself is only what
nobody has handed in yet.
"""
