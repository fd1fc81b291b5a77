-- The store as the first lipsyncd wrote it, with a job in each state that it knew.
BEGIN TRANSACTION;
CREATE TABLE jobs (
    sequence     INTEGER PRIMARY KEY,  -- the order of the queue
    id           TEXT    NOT NULL UNIQUE,
    owner        INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    face         BLOB    NOT NULL,     -- names of files, which need not be valid text
    voice        BLOB    NOT NULL,
    options      TEXT    NOT NULL,     -- JSON
    created_at   REAL    NOT NULL,
    started_at   REAL,
    ended_at     REAL,
    attempts     INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    faces        INTEGER NOT NULL,
    fps          REAL    NOT NULL,
    error        TEXT,                 -- JSON
    result_bytes INTEGER
);
INSERT INTO "jobs" VALUES(1,'d0ne00000001',1000,'succeeded',X'737065616B65722E6D7034',X'68656C6C6F2E776176','{"blend": "soft", "extend": "pingpong", "box": null, "crf": null}',1767225600.5,1767225610.0,1767225620.125,1,250,250,249,59.52,NULL,123456);
INSERT INTO "jobs" VALUES(2,'fa11ed000002',1001,'failed',X'636166E92E6D7034',X'FFFE2E776176','{"blend": "box", "extend": "loop", "box": [1, 2, 30, 40], "crf": 20}',1767225601.0,1767225610.25,1767225630.0,1,0,50,0,0.0,'{"code": 65, "name": "input.no_face", "message": "There is no face in the first 50 frames.", "hint": "Try --box.", "retryable": false}',NULL);
INSERT INTO "jobs" VALUES(3,'cance11ed003',1000,'cancelled',X'E697A5E69CAC2E6D7034',X'6C27C3A974C3A92E776176','{"blend": "soft", "extend": "pingpong", "box": null, "crf": 0}',1767225602.0,NULL,1767225631.0,0,0,0,0,0.0,NULL,NULL);
INSERT INTO "jobs" VALUES(4,'begvn0000004',0,'running',X'636166E92E6D6F76',X'766F6963653B2044524F50205441424C45206A6F62732E776176','{"blend": "soft", "extend": "loop", "box": null, "crf": null}',1767225603.0,1767225610.5,NULL,1,0,0,0,0.0,NULL,NULL);
INSERT INTO "jobs" VALUES(5,'waxts0000005',1001,'queued',X'612E6D7034',X'622E776176','{"blend": "soft", "extend": "pingpong", "box": [0, 0, 64, 64], "crf": null}',1767225604.0,NULL,NULL,0,0,0,0,0.0,NULL,NULL);
INSERT INTO "jobs" VALUES(6,'waxts0000006',1000,'queued',X'80',X'6C696E650A627265616B2E776176','{"blend": "soft", "extend": "pingpong", "box": null, "crf": null}',1767225605.0,NULL,NULL,0,0,0,0,0.0,NULL,NULL);
CREATE INDEX jobs_by_state ON jobs (state, sequence);
COMMIT;
PRAGMA user_version = 1;
