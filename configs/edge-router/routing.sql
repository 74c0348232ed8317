-- The routing database of the edge router: which domain is served by which set of Asterisk servers.

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

INSERT INTO sip_domains (domain, dispatcher_setid) VALUES
    ('tenant1.example.com', 10),
    ('tenant2.example.com', 20);

-- Round robin begins with the highest priority.
INSERT INTO dispatcher (setid, destination, priority) VALUES
    (10, 'sip:10.0.1.10:5060', 0),
    (10, 'sip:10.0.1.11:5060', 10),
    (20, 'sip:10.0.2.20:5060', 0),
    (20, 'sip:10.0.2.21:5060', 10);
