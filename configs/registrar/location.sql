CREATE TABLE version (table_name TEXT, table_version INTEGER);
INSERT INTO version VALUES ('location', 9);

CREATE TABLE location (
    id INTEGER PRIMARY KEY NOT NULL,
    ruid TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL,
    domain TEXT,
    contact TEXT NOT NULL,
    received TEXT,
    path TEXT,
    expires REAL NOT NULL,
    q REAL NOT NULL DEFAULT 1.0,
    callid TEXT NOT NULL,
    cseq INTEGER NOT NULL,
    last_modified REAL NOT NULL,
    flags INTEGER NOT NULL DEFAULT 0,
    cflags INTEGER NOT NULL DEFAULT 0,
    user_agent TEXT NOT NULL,
    socket TEXT,
    methods INTEGER,
    instance TEXT,
    reg_id INTEGER NOT NULL DEFAULT 0,
    server_id INTEGER NOT NULL DEFAULT 0,
    connection_id INTEGER NOT NULL DEFAULT 0,
    keepalive INTEGER NOT NULL DEFAULT 0,
    partition INTEGER NOT NULL DEFAULT 0
);
