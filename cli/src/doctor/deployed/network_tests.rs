use super::*;
use crate::doctor::finding::Severity;

fn facts(gateway: &str, is_public: bool, free: u64) -> Facts {
    let subnet = Subnet {
        subnet_id: "subnet-1".to_owned(),
        vpc_id: "vpc-1".to_owned(),
        available_ip_address_count: free.to_string(),
    };
    let route = Route {
        destination_cidr_block: "0.0.0.0/0".to_owned(),
        gateway_id: gateway.to_owned(),
        state: "active".to_owned(),
    };
    let main = Association { main: "true".to_owned(), ..Association::default() };
    let table =
        RouteTable { vpc_id: "vpc-1".to_owned(), association_set: vec![main], route_set: vec![route] };
    Facts {
        wanted: vec!["subnet-1".to_owned()],
        subnets: vec![subnet],
        tables: vec![table],
        is_public,
        runners: Some(10),
    }
}

fn severities(facts: &Facts) -> Vec<Severity> {
    judge(facts).iter().map(|it| it.severity).collect()
}

#[test]
fn a_way_out_fits_the_addresses_of_runners() {
    for (gateway, is_public, severity) in [
        ("igw-1", true, Severity::Ok),
        ("", false, Severity::Ok),
        ("igw-1", false, Severity::Error),
        ("", true, Severity::Warning),
    ] {
        assert_eq!(severities(&facts(gateway, is_public, 100)), [severity], "{gateway} {is_public}");
    }
    let mut own = facts("igw-1", true, 100);
    let associated = Association { subnet_id: "subnet-1".to_owned(), ..Association::default() };
    let table = RouteTable { association_set: vec![associated], ..RouteTable::default() };
    own.tables.push(table);
    assert!(judge(&own)[0].what.contains("no default route"), "its own table counts, not the main one");
    own.tables[1].route_set = own.tables[0].route_set.clone();
    own.tables[1].route_set[0].state = "blackhole".to_owned();
    assert_eq!(severities(&own), [Severity::Error]);
}

#[test]
fn a_subnet_that_is_gone_or_full_is_told() {
    let mut gone = facts("igw-1", true, 100);
    gone.wanted.push("subnet-2".to_owned());
    assert_eq!(severities(&gone), [Severity::Error]);
    assert_eq!(severities(&facts("igw-1", true, 9)), [Severity::Warning]);
    assert_eq!(severities(&facts("igw-1", true, 0)), [Severity::Error]);
}

#[test]
fn runners_may_call_out_and_nobody_in() {
    let rule = |protocol: &str, from: &str, to: &str| Permission {
        ip_protocol: protocol.to_owned(),
        from_port: Some(from.to_owned()),
        to_port: Some(to.to_owned()),
    };
    let group = |ingress: Vec<Permission>, egress: Vec<Permission>| Group {
        group_id: "sg-1".to_owned(),
        ip_permissions: ingress,
        ip_permissions_egress: egress,
    };
    let all = Permission { ip_protocol: "-1".to_owned(), ..Permission::default() };
    for (found, severity) in [
        (vec![group(vec![], vec![all.clone()])], Severity::Ok),
        (vec![group(vec![], vec![rule("tcp", "443", "443")])], Severity::Ok),
        (vec![group(vec![], vec![rule("tcp", "80", "80"), rule("udp", "0", "65535")])], Severity::Error),
        (vec![group(vec![rule("tcp", "22", "22")], vec![all])], Severity::Warning),
        (vec![], Severity::Error),
    ] {
        assert_eq!(judge_groups(&["sg-1".to_owned()], &found)[0].severity, severity, "{found:?}");
    }
}
