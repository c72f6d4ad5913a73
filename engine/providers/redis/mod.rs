//! Redis.
pub fn provider(_: playbook_core::secret::Secrets) -> std::sync::Arc<dyn playbook_core::action::Provider> {
    unimplemented!()
}
