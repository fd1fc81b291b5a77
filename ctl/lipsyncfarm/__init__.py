"""lipsyncfarm: one queue over many hosts, each of which has a lipsyncd of its own.

    config    farm.toml and the secrets beside it: a Farm
    identity  who hands in a job: a name, signed

What is shared, in Redis and in the media store:

    record    a job's record, and its moves from state to state ...
    record.lua, moves.lua
              ... each of them one script, so there is one truth and never half a move
    broker    the connection to Redis, and what its failures are called
    store     the media: inputs by content, results by job; a folder or a bucket
    spec      what a job is made of, as it was handed in
    tickets   Celery: one ticket for each queued job, which says only that there is one

On each host, a bridge to its daemon (`lipsyncfarm-worker`); it renders nothing:

    arguments what may be typed after its name
    worker    the program: Celery's consumer, which takes a ticket only where there is room
    bridge    what the host does all the time: leases renewed, its health told, hosts that are lost
    holding   one job that this host holds, from its inputs to its published result
    shares    a long one: shares of it are handed in as jobs of their own, and their work is joined
    alike     which hosts make the same bytes, and whether some of them are free
    ending    how it leaves this host
    local     the same job at the daemon
    held      the jobs that it holds, on its disk, so that a bridge that comes back goes on
    cache     inputs that were fetched, by content and bounded
    sweep     what is kept long enough goes

For whoever hands in jobs:

    client    FarmClient: what `lipsyncctl --farm` uses, with the methods of lipsyncctl's Client
    submission, events, results
              of these the ones that are more than one question
    views     a record as the Job that lipsyncctl shows
    hosts     the hosts as they are told

A job goes from queued to running when a host takes it: it then has a lease, renewed every second,
and a fence, a number that grows each time that it is taken.  Who holds an older fence can neither
renew nor publish.  A ticket that comes twice, or late, or for nothing, is harmless: what is to be
rendered next is what the record says.

A host that holds a long job while others are free leads it: it looks at the face, puts what it has
seen into the store, and hands in jobs that go on from that, each with a share of the result.  They
are jobs as all are, with leases and fences of their own, in no list, taken by hosts that make the
same bytes.  Their keys are made of what they are, so whoever takes a lost leader's job finds them.

The trust ends at Redis and the store: whoever may write there may do all that a host may, except
hand in a job in another's name.
"""
