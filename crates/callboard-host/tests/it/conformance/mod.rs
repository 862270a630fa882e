//! What every host does. A host that lacks something says so in its `caps`, and is not asked for
//! it.

mod clients;
mod inside;
mod logs;
mod programs;
mod starts;
mod stops;

use crate::world::{MakeHost, World, builtin, tmux};

/// Each story, with each host.
macro_rules! for_each_host {
    ([$($host:ident: $make:expr;)+] $stories:tt) => {
        $(mod $host { for_each_host!(@stories $make, $stories); })+
    };
    (@stories $make:expr, { $($story:path => $name:ident,)+ }) => {
        $(#[test] fn $name() { super::run($make, $story); })+
    };
}

fn run(make: MakeHost, story: fn(&World)) {
    story(&World::new(make));
}

for_each_host! {
    [
        builtin: super::builtin;
        tmux: super::tmux;
    ]
    {
        super::starts::what_cannot_be_started_leaves_nothing => what_cannot_be_started_leaves_nothing,
        super::starts::how_it_ended_is_on_record => how_it_ended_is_on_record,
        super::starts::it_is_on_the_board_before_its_first_word => it_is_on_the_board_before_its_first_word,
        super::starts::fifty_at_once_log_everything => fifty_at_once_log_everything,
        super::starts::each_has_its_own_environment => each_has_its_own_environment,
        super::starts::it_is_on_the_board_while_it_runs => it_is_on_the_board_while_it_runs,
        super::starts::nothing_of_the_starter_is_inherited => nothing_of_the_starter_is_inherited,
        super::starts::under_one_id_one_session => under_one_id_one_session,
        super::starts::restarted_under_its_id_with_its_log => restarted_under_its_id_with_its_log,
        super::stops::nothing_is_left_of_a_stopped_session => nothing_is_left_of_a_stopped_session,
        super::stops::a_shell_is_stopped_by_asking => a_shell_is_stopped_by_asking,
        super::stops::what_has_ended_is_forgotten_when_asked => what_has_ended_is_forgotten_when_asked,
        super::clients::thirteen_modes_restored_and_off_again => thirteen_modes_restored_and_off_again,
        super::clients::a_stopped_client_stalls_nothing => a_stopped_client_stalls_nothing,
        super::clients::a_killed_client_is_nobodys_loss => a_killed_client_is_nobodys_loss,
        super::clients::two_sizes_each_sees_its_own => two_sizes_each_sees_its_own,
        super::clients::who_only_looks_does_not_touch => who_only_looks_does_not_touch,
        super::clients::keys_without_a_client => keys_without_a_client,
        super::clients::questions_are_answered_with_nobody_there => questions_are_answered_with_nobody_there,
        super::clients::attached_in_the_middle_of_a_sequence => attached_in_the_middle_of_a_sequence,
        super::clients::a_followed_flood_has_every_line => a_followed_flood_has_every_line,
        super::inside::a_program_knows_where_it_is => a_program_knows_where_it_is,
        super::inside::exit_detaches_who_typed_it_and_ends_where_nobody_is => exit_detaches_who_typed_it_and_ends_where_nobody_is,
        super::inside::one_session_is_one_row => one_session_is_one_row,
        super::logs::logs_by_lines_by_time_and_in_colour => logs_by_lines_by_time_and_in_colour,
        super::programs::a_shell_is_left_and_come_back_to => a_shell_is_left_and_come_back_to,
        super::programs::vim_is_left_resized_and_come_back_to => vim_is_left_resized_and_come_back_to,
        super::programs::less_is_left_and_come_back_to => less_is_left_and_come_back_to,
        super::programs::top_goes_on_drawing => top_goes_on_drawing,
        super::programs::drawing_on_and_on_costs_no_memory => drawing_on_and_on_costs_no_memory,
        super::programs::bytes_that_are_no_text => bytes_that_are_no_text,
    }
}
