INSERT INTO location (ruid, username, domain, contact, expires, q, callid, cseq, last_modified, user_agent, socket)
VALUES ('uloc-1', 'carol', 'example.com', 'sip:carol@192.0.2.30:5060', julianday('2026-01-01 00:01:00'), -1, 'kept', 7,
        julianday('2026-01-01 00:00:00'), 'phone', 'udp:198.51.100.1:5060');
