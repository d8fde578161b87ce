//! The crate's applier and the reference applier, written from the document alone, agree.

mod reference;

#[test]
fn nothing_is_refused() {
    let refusal = reference::apply(b"", &reference::Base::default());
    assert_eq!(refusal, Err(reference::Refusal::Damaged("cut off".into())));
}
