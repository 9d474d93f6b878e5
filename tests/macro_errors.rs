//! What the attributes say of wrong use, and where.

#[test]
fn errors_name_what_is_wrong_and_where() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
