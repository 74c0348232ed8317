//! Random programs: a route `C<number>` with the routes it calls.

use super::expression::Maker;
use super::random::Random;
use std::fmt::Write as _;

/// The text of one program. Every line it prints begins with its number.
pub(super) fn program(random: &mut Random, number: usize) -> String {
    let helpers = random.below(3);
    let routes: Vec<String> = (0..helpers).map(|at| format!("H{number}_{at}")).collect();
    let mut text = String::new();
    for (at, name) in routes.iter().enumerate() {
        // A helper calls only those behind it, so that nothing recurses.
        let maker = Maker { random, routes: routes[at + 1..].to_vec() };
        let mut writer =
            Writer { maker, number, text: String::new(), depth: 0, prints: 0, loops: 0, name: name.clone() };
        writer.statements(2);
        writer.end();
        let _ = write!(text, "route[{name}] {{\n{}}}\n", writer.text);
    }
    let maker = Maker { random, routes };
    let mut writer =
        Writer { maker, number, text: String::new(), depth: 0, prints: 0, loops: 0, name: "main".to_owned() };
    writer.beginning();
    writer.statements(4);
    writer.line("$var(r) = 0;");
    writer.print();
    format!("route[C{number}] {{\n{}}}\n{text}", writer.text)
}

struct Writer<'a> {
    maker: Maker<'a>,
    number: usize,
    text: String,
    depth: usize,
    prints: usize,
    loops: usize,
    name: String,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "    ".repeat(self.depth + 1));
    }

    /// Variables with values, for what an earlier program left must not count.
    fn beginning(&mut self) {
        for name in ["i", "j"] {
            let value = self.maker.random.pick(&["0", "1", "-1", "7", "12", "-100", "2147483647", "65535"]);
            self.line(&format!("$var({name}) = {value};"));
        }
        let value = self.maker.random.pick(&["1", "2", "3"]);
        self.line(&format!("$var(z) = {value};"));
        for name in ["s", "t", "u"] {
            let value = match self.maker.random.below(3) {
                0 => self
                    .maker
                    .random
                    .pick(&["\"17\"", "\"abc\"", "\"\"", "\"a,b,c\"", "\"a=1;b=2\"", "\"0\"", "\"-5\""])
                    .to_owned(),
                _ => self.maker.random_text(),
            };
            self.line(&format!("$var({name}) = {value};"));
        }
        let parameters = self.maker.random.pick(&[
            "\"a=1;b=2\"",
            "\"a;b;c=\\\"q r\\\";d\"",
            "\"a=1,c=2,b\"",
            "\" a = 1 ; b = 2 ;\"",
            "\"a=1;;b=2\"",
            "\"1=2;a='x;y'\"",
            "\"sip:u:pw@h.example.com:5070;transport=tcp;maddr=10.0.0.1?x=y\"",
            "\"tel:+123;a=b\"",
            "\"\\\"A B\\\" <sips:a@b;c=d>;tag=9;e\"",
        ]);
        self.line(&format!("$var(p) = {parameters};"));
        self.line("$var(w) = 0;");
        self.line("$var(r) = 0;");
        self.line("$vn(v) = \"v\";");
        self.line("$vn(unset) = $null;");
        let first = self.maker.any(0).0;
        self.line(&format!("$avp(x) = {first};"));
        let second = self.maker.random.pick(&["5", "\"six\"", "\"\"", "-7"]);
        self.line(&format!("$avp(x) = {second};"));
        if self.maker.random.one_in(2) {
            let value = self.maker.random_text();
            self.line(&format!("$avp(y) = {value};"));
        }
        let value = self.maker.random.pick(&["1", "\"k\"", "\"12\""]);
        self.line(&format!("$xavp(r=>k) = {value};"));
        if self.maker.random.one_in(2) {
            let value = self.maker.random_text();
            self.line(&format!("$xavp(r[0]=>l) = {value};"));
        }
        if self.maker.random.one_in(3) {
            self.line("$xavp(r=>k) = \"newer\";");
        }
    }

    fn end(&mut self) {
        match self.maker.random.below(5) {
            0 => self.line("return;"),
            1 => {
                let value = self.maker.random.pick(&[
                    "1",
                    "2",
                    "-1",
                    "-4",
                    "17",
                    "$var(z) + 1",
                    "-$var(z) - 1",
                    "strlen($var(s)) + 2",
                ]);
                self.line(&format!("return {value};"));
            }
            2 => self.line("is_method(\"INVITE\");"),
            3 => self.line("$var(w) = 1;"),
            _ => self.print(),
        }
    }

    fn print(&mut self) {
        self.prints += 1;
        let (number, place) = (self.number, format!("{}.{}", self.name, self.prints));
        let transformed = self.maker.transformed();
        self.line(&format!(
            "xinfo(\"{number} {place} $rc [$var(r)] [$var(w)] [$var(i)] [$var(s)] [$avp(x)] [$(avp(x)[*])] [$vn(v)] [{transformed}]\\n\");"
        ));
    }

    fn statements(&mut self, count: usize) {
        for _ in 0..1 + self.maker.random.below(count) {
            self.statement();
        }
    }

    fn block(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        self.statements(2);
        self.depth -= 1;
        self.line("}");
    }

    fn statement(&mut self) {
        let deep = self.depth >= 3;
        match self.maker.random.below(if deep { 8 } else { 13 }) {
            0..=4 => {
                let value = if self.maker.random.one_in(10) { self.maker.choice() } else { self.maker.any(3).0 };
                self.line(&format!("$var(r) = {value};"));
                self.print();
            }
            5 => {
                let target = self.maker.random.pick(&[
                    "$avp(x)",
                    "$(avp(x)[*])",
                    "$(avp(x)[0])",
                    "$xavp(r=>l)",
                    "$xavp(r[0]=>l)",
                    "$var(i)",
                    "$var(s)",
                    "$vn(v)",
                    "$xavp(r[0]=>k)",
                    "$avp(y)",
                    "$x",
                ]);
                let value = self.maker.any(2).0;
                self.line(&format!("{target} = {value};"));
            }
            6 => match self.maker.routes.len() {
                0 => self.print(),
                routes => {
                    let name = self.maker.routes[self.maker.random.below(routes)].clone();
                    match self.maker.random.below(3) {
                        0 => self.line(&format!("route({name});")),
                        1 => self.line(&format!("$var(r) = route({name});")),
                        _ => {
                            self.line(&format!("$var(n) = \"{name}\";"));
                            self.line("route($var(n));");
                        }
                    }
                    self.print();
                }
            },
            7 => {
                let call = self.maker.random.pick(&[
                    "setflag(3);",
                    "resetflag(3);",
                    "is_method(\"INVITE\");",
                    "$var(r) = is_method(\"INVITE\");",
                    "$avp(x) = $null;",
                    "$(avp(x)[*]) = $null;",
                    ";",
                ]);
                self.line(call);
            }
            8 | 9 => {
                let condition = self.maker.condition(2);
                self.block(&format!("if ({condition})"));
                if self.maker.random.one_in(2) {
                    self.block("else");
                }
                self.print();
            }
            10 => self.loop_(),
            _ => self.switch(),
        }
    }

    fn loop_(&mut self) {
        self.loops += 1;
        let counter = format!("$var(c{})", self.loops);
        let end = 1 + self.maker.random.below(4);
        self.line(&format!("{counter} = 0;"));
        self.line(&format!("while ({counter} < {end}) {{"));
        self.depth += 1;
        self.line(&format!("{counter} = {counter} + 1;"));
        self.statements(2);
        if self.maker.random.one_in(3) {
            let condition = self.maker.condition(1);
            self.line(&format!("if ({condition}) break;"));
        }
        self.depth -= 1;
        self.line("}");
        self.print();
    }

    fn switch(&mut self) {
        let ints = self.maker.random.one_in(2);
        let value = self.maker.any(1).0;
        self.line(&format!("switch ({value}) {{"));
        let mut labels: Vec<&str> = if ints {
            vec!["0", "1", "-1", "7", "17", "(1 + 1)", "0x10"]
        } else {
            vec!["\"abc\"", "\"\"", "\"1\"", "/\"^[0-9]+$\"", "/\"b\"", "\"17\"", "\"a\" + \"b\"", "/\"^A\""]
        };
        // Kamailio refuses a default before strings.
        let default = self.maker.random.below(4).max(usize::from(!ints));
        for at in 0..1 + self.maker.random.below(3) {
            if at == default {
                self.case("default");
            }
            let label = labels.remove(self.maker.random.below(labels.len()));
            self.case(&format!("case {label}"));
        }
        self.line("}");
        self.print();
    }

    fn case(&mut self, label: &str) {
        self.line(&format!("{label}:"));
        self.depth += 1;
        let number = self.number;
        self.line(&format!("xinfo(\"{number} label\\n\");"));
        if self.maker.random.one_in(3) {
            self.statement();
        }
        if !self.maker.random.one_in(3) {
            self.line("break;");
        }
        self.depth -= 1;
    }
}
