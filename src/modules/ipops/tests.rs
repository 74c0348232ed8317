use super::*;

#[test]
fn private_whatever_follows() {
    for (text, private) in [
        ("10.1.2.3", true),
        ("10.1.2.3:5060", true),
        ("192.168.1.300", true),
        ("172.32.1.1", false),
        ("10.1.2", false),
        ("", false),
        ("x10.1.2.3", false),
    ] {
        assert_eq!(begins_private(text.as_bytes()), private, "{text}");
    }
}

#[test]
fn networks() {
    for (address, network, inside) in [
        ("10.1.2.3", "10.0.0.0/8", true),
        ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.0.0/8", true),
        ("10.1.2.3", "0.0.0.0/0", true),
        ("10.1.2.3", "10.0.0.0/33", false),
        ("10.1.2.3", "10.0.0.0/", true),
        ("::1", "::/0", true),
        ("::1", "0.0.0.0/0", false),
        ("2001:db8::1", "2001:db8::/32", true),
        ("2001:db8::1", "[2001:db8::]/32", false),
    ] {
        assert_eq!(lies_in(address.parse().unwrap(), network.as_bytes()), inside, "{address} {network}");
    }
}
