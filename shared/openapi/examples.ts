/** A time that a token may live to, whenever this is read. */
const NEW_YEAR = `${new Date().getUTCFullYear() + 1}-01-01T00:00:00Z`

/** Parameters that a client could send: what the document shows of each command, and what a test checks against its schema. */
export const EXAMPLES: Record<string, Record<string, unknown>> = {
  dot_iu_create_piece: { address: 'handbook/opening-hours', kind: 'paragraph', title: 'Opening hours', body: 'We are open from nine to five.\n', collection: 'handbook.md', after: 'handbook/welcome' },
  dot_iu_revise_piece: { piece: 'handbook/opening-hours', body: 'We are open from eight to six.\n', expect_version: 1 },
  dot_iu_clone_piece: { piece: 'handbook/opening-hours', address: 'branch/opening-hours' },
  dot_iu_add_piece: { collection: 'handbook.md', piece: 'handbook/opening-hours', to: 'last' },
  dot_iu_reorder_piece: { collection: 'handbook.md', piece: 'handbook/opening-hours', before: 'handbook/welcome' },
  dot_iu_remove_piece_from_collection: { collection: 'handbook.md', piece: 'handbook/opening-hours' },
  dot_iu_enact_piece: { piece: 'handbook/opening-hours' },
  dot_iu_retire_piece: { piece: 'handbook/opening-hours' },
  dot_iu_soft_delete_piece: { piece: 'handbook/opening-hours' },
  dot_iu_restore_piece: { piece: 'handbook/opening-hours' },
  dot_iu_refresh_metadata_axes: { collection: 'handbook.md' },
  dot_iu_create_collection: { address: 'notices', kind: 'file', title: 'Notices' },
  dot_iu_create_file_from_pieces: { address: 'branch.md', title: 'Branch', pieces: ['branch/opening-hours', 'handbook/welcome'] },
  dot_iu_create_workflow_from_steps: { address: 'closing-time', title: 'Closing time', steps: [{ title: 'Lock the door', body: 'Lock the door.\n' }, { piece: 'handbook/opening-hours' }] },
  dot_iu_validate_collection: { collection: 'handbook.md' },
  dot_iu_render_collection: { collection: 'handbook.md' },
  dot_iu_checkpoint_collection: { collection: 'handbook.md', label: 'before the move' },
  dot_iu_import_text: { source_path: 'handbook.md', text: '# Handbook\n\nWelcome.\n' },
  dot_iu_replay_dead_letter: { dead_letter: 12 },
  dot_iu_replay_dead_letters: { failure_code: 'payload_schema', event_type: 'shop.order', limit: 100 },
  dot_iu_discard_dead_letter: { dead_letter: 12 },
  dot_iu_discard_dead_letters: { cause: '5f1d7a84db00d2fc' },
  dot_iu_correct_dead_letter: { dead_letter: 12, payload: { order: 7 } },
  dot_iu_replay_skipped: { route: 'shop.order.log', from: '2030-01-31T12:00:00Z' },
  dot_iu_start_replay: { cause: '5f1d7a84db00d2fc', per_second: 500 },
  dot_iu_stop_replay: { replay: 3 },
  dot_iu_resume_replay: { replay: 3 },
  dot_iu_run_worker: { passes: 5, batch_size: 1000 },
  dot_iu_run_probe: {},
  dot_iu_release_held_events: { event_type: 'shop.order', limit: 1000 },
  dot_iu_discard_held_events: { event_type: 'shop.order' },
  dot_iu_enable_route: { route: 'shop.order.log' },
  dot_iu_disable_route: { route: 'shop.order.log' },
  dot_iu_close_gate: { gate: 'iu_core.routes_master_enabled' },
  dot_iu_open_gate: { gate: 'iu_core.routes_master_enabled' },
  dot_iu_disable_triggers: {},
  dot_iu_enable_triggers: {},
  dot_iu_register_event_type: { event_type: 'shop.order', description: 'An order was placed', payload_schema: { type: 'object', required: ['order'], properties: { order: { type: 'integer' } } } },
  dot_iu_register_route: { route: 'shop.order.log', event_type: 'shop.order', target_kind: 'log', target_ref: 'iu_route_attempt', enabled: true },
  dot_iu_add_account: { account: 'ada', display_name: 'Ada', right: 'operator', password: 'at least twelve characters' },
  dot_iu_set_account_right: { account: 'ada', right: 'approver' },
  dot_iu_disable_account: { account: 'ada' },
  dot_iu_enable_account: { account: 'ada' },
  dot_iu_set_password: { account: 'ada', password: 'another twelve characters', current_password: 'at least twelve characters' },
  dot_iu_issue_token: { label: 'nightly import', scopes: ['read', 'dot_iu_import_text'], expires_at: NEW_YEAR },
  dot_iu_revoke_token: { token: 3 },
}

/** Values of query parameters that are asked for. */
export const QUERY_EXAMPLES: Record<string, string> = { address: 'handbook.md', unit: '7', id: '12', name: 'dot_iu_revise_piece' }

/** In place of the digest that a plan answers with. */
export const DIGEST = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
