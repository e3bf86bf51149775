-- requires: fn_iu_gate_declare, vocabulary
SELECT iu_core.fn_iu_gate_declare('{
  "iu_core.routes_master_enabled": "L1: events are written on their own lane and may be routed; closed, they are held",
  "iu_core.route_worker_enabled": "L0: the route worker makes passes",
  "iu_core.composer_enabled": "units and collections may be created and changed",
  "iu_core.operator_runtime_enabled": "operator commands may be applied",
  "iu_core.structure_ops_enabled": "units may be split, merged and moved",
  "iu_core.autocut_enabled": "text may be cut into units automatically",
  "iu_core.execution_enabled": "routes may deliver to the outside"}');
