-- The tables and example rows of the documentation of the edge router.

CREATE TABLE sip_domains (
    domain TEXT PRIMARY KEY,
    dispatcher_setid INTEGER NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    comment TEXT
);

CREATE INDEX idx_sip_domains_enabled
ON sip_domains(enabled);

CREATE TABLE dispatcher (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    setid INTEGER NOT NULL,
    destination TEXT NOT NULL,
    flags INTEGER DEFAULT 0,
    priority INTEGER DEFAULT 0,
    attrs TEXT
);

CREATE INDEX idx_dispatcher_setid
ON dispatcher(setid);

INSERT INTO sip_domains (domain, dispatcher_setid) VALUES ('tenant1.example.com', 10);
INSERT INTO sip_domains (domain, dispatcher_setid) VALUES ('tenant2.example.com', 20);

INSERT INTO dispatcher (setid, destination, priority) VALUES (10, 'sip:10.0.1.10:5060', 0);
INSERT INTO dispatcher (setid, destination, priority) VALUES (10, 'sip:10.0.1.11:5060', 10);
INSERT INTO dispatcher (setid, destination, priority) VALUES (20, 'sip:10.0.2.20:5060', 0);
