-- The database of the endpoint-tracking router, with example rows.

-- Kamailio refuses a table without its version; alanui does not ask.
CREATE TABLE version (
    table_name TEXT NOT NULL PRIMARY KEY,
    table_version INTEGER NOT NULL DEFAULT 0
);
INSERT INTO version (table_name, table_version) VALUES ('dispatcher', 4);

-- Which set of backends serves a domain.
CREATE TABLE sip_domains (
    domain TEXT PRIMARY KEY,
    dispatcher_setid INTEGER NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    comment TEXT
);
CREATE INDEX idx_sip_domains_enabled ON sip_domains(enabled);

INSERT INTO sip_domains (domain, dispatcher_setid, comment) VALUES ('example.com', 10, 'two backends');
INSERT INTO sip_domains (domain, dispatcher_setid, enabled) VALUES ('closed.example.com', 10, 0);

-- The backends. The highest priority value is tried first.
CREATE TABLE dispatcher (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    setid INTEGER NOT NULL,
    destination TEXT NOT NULL,
    flags INTEGER DEFAULT 0,
    priority INTEGER DEFAULT 0,
    attrs TEXT DEFAULT '',
    description TEXT DEFAULT ''
);
CREATE INDEX idx_dispatcher_setid ON dispatcher(setid);

INSERT INTO dispatcher (setid, destination, priority) VALUES (10, 'sip:10.0.1.100:5060', 10);
INSERT INTO dispatcher (setid, destination, priority) VALUES (10, 'sip:10.0.1.101:5060', 0);

-- Where phones are, as their last REGISTER said.
CREATE TABLE endpoint_locations (
    aor TEXT PRIMARY KEY,           -- user@domain
    contact_ip TEXT NOT NULL,
    contact_port TEXT NOT NULL,
    expires TEXT NOT NULL           -- datetime in UTC
);
CREATE INDEX idx_endpoint_locations_expires ON endpoint_locations(expires);

INSERT INTO endpoint_locations VALUES ('402@example.com', '192.0.2.40', '5062', '2026-01-01 00:10:00');
