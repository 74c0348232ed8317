-- A single backend, for scenarios that are about something else than taking turns.
DELETE FROM dispatcher WHERE destination = 'sip:10.0.1.101:5060';
