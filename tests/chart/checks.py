"""Every check of the chart by its name. A check returns problems, none for a good chart."""

import functools
from collections.abc import Callable

import alert_checks
import object_checks
import pod_checks
import refusals
import source_checks
from chart_files import Chart

Check = Callable[[Chart], list[str]]

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        source_checks.yaml_files_hold_no_key_twice,
        source_checks.values_are_referenced,
        source_checks.schema_matches_values,
        source_checks.versions_agree,
        source_checks.readme_is_current,
        source_checks.metrics_are_known,
        source_checks.dashboard_is_whole,
        source_checks.alerts_say_what_to_do,
        alert_checks.alerts_fire_when_they_should,
        alert_checks.every_alert_is_tested,
        alert_checks.rendered_rules_are_valid,
        alert_checks.the_dashboard_s_queries_are_valid,
        object_checks.lints,
        object_checks.renders,
        object_checks.kubernetes_accepts,
        object_checks.every_kind_is_rendered,
        object_checks.values_arrive,
        object_checks.selectors_match,
        object_checks.ports_lead_to_the_pod,
        object_checks.references_lead_somewhere,
        pod_checks.pods_are_hardened,
        pod_checks.probes_ask_the_right_thing,
        pod_checks.stopping_has_time,
        pod_checks.the_flyte_token_is_a_file,
        pod_checks.a_changed_secret_restarts_the_pods,
        pod_checks.the_store_decides_the_workload,
        pod_checks.events_arrive_while_flyte_is_away,
        pod_checks.the_network_policy_lets_out_what_is_needed,
        pod_checks.settings_carry_their_values,
        pod_checks.the_pack_accepts_its_settings,
    )
} | {
    f"refuses {refusal.why}": functools.partial(refusals.problems_with, refusal)
    for refusal in refusals.REFUSALS
}
