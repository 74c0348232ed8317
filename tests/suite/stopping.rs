//! What a server leaves behind when it is told to end: all that it told phones it keeps.

use crate::running::{Folder, Phone, Running};
use std::process::Stdio;
use std::time::Duration;

/// Contacts are written to the database by the clock, which does not come round before the test ends.
const CONFIG: &str = "debug=2\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"textops.so\"\nloadmodule \"db_sqlite.so\"\n\
    loadmodule \"usrloc.so\"\nloadmodule \"registrar.so\"\n\
    modparam(\"usrloc\", \"db_url\", \"sqlite:///FOLDER/location.db\")\nmodparam(\"usrloc\", \"db_mode\", 2)\n\
    modparam(\"usrloc\", \"timer_interval\", 3600)\n\
    request_route { if (is_method(\"REGISTER\")) save(\"location\"); else sl_send_reply(\"200\", \"OK\"); }\n";

/// More than statements that may wait for a database one by one.
const CONTACTS: usize = 5000;

#[test]
fn every_contact_that_was_confirmed_is_written() {
    for workers in ["1", "3"] {
        let folder = Folder::new();
        let path = folder.path().join("location.db");
        let tables = include_str!("../../configs/registrar/location.sql");
        rusqlite::Connection::open(&path).and_then(|database| database.execute_batch(tables)).unwrap();
        let streams = [Stdio::null(), Stdio::piped()];
        let mut server = Running::start(folder, CONFIG, streams, &["--workers", workers]);
        let phone = Phone::new(server.port);
        let mut confirmed = 0;
        for at in 0..CONTACTS {
            let call = phone.send_to("REGISTER", &format!("u{at}"), &format!("Contact: <sip:u{at}@127.0.0.1>\r\n"));
            let reply = phone.reply(&call, Duration::from_secs(10));
            confirmed += i64::from(reply.is_some_and(|reply| reply.starts_with("SIP/2.0 200 ")));
        }
        let mut stderr = server.process.stderr.take().unwrap();
        assert_eq!(server.terminate().code(), Some(0));
        let mut log = String::new();
        std::io::Read::read_to_string(&mut stderr, &mut log).unwrap();
        assert!(!log.contains("ERROR"), "{log}");
        let database = rusqlite::Connection::open(&path).unwrap();
        let stored: i64 = database.query_row("SELECT count(*) FROM location", [], |row| row.get(0)).unwrap();
        assert_eq!(stored, confirmed, "with {workers} workers");
        assert!(confirmed > CONTACTS as i64 / 2, "{confirmed} of {CONTACTS}");
    }
}
