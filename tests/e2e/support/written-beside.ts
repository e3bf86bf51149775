/** Tables that are written beside every command, or by the console itself, whoever asks: what changes there needs no command. */
export const WRITTEN_BESIDE = ['iu_session', 'iu_sign_in_failure', 'dot_iu_command_run', 'dot_iu_command_unsealed', 'dot_iu_command_seal', 'dot_iu_history_block', 'dot_iu_history_state', 'dot_iu_history_unsealed',
  'iu_event_audit', 'iu_event_audit_open', 'iu_event_audit_late', 'iu_route_attempt_block', 'iu_console_process', 'dot_drift_known', 'iu_lock']
