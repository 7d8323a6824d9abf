package automation

import "testing"

func TestValidate_Connections(t *testing.T) {
	t.Parallel()
	steps := []Step{
		start, step("a", aDelay), step("b", aDelay), step("pro?", isPro), step("paid?", forPaid),
		step("ever?", WaitForEvent{EventName: "order.paid"}), step("page", pagerConfig{Team: "ops"}),
		step("odd", RawConfig{Type: "acme.other"}),
	}
	tests := []struct {
		name        string
		connections []Connection
		want        []string
	}{
		{
			name:        "from an unknown step",
			connections: chain("ghost", "a"),
			want:        []string{`error unknown_step connections[0].from: there is no step "ghost"`},
		},
		{
			name:        "to an unknown step",
			connections: chain("a", "ghost"),
			want:        []string{`error unknown_step connections[0].to: there is no step "ghost"`},
		},
		{
			name:        "to the trigger",
			connections: chain("a", "start"),
			want:        []string{"error connection_to_trigger connections[0].to: nothing can lead to the trigger"},
		},
		{
			name:        "to itself",
			connections: chain("a", "a"),
			want:        []string{"error self_connection connections[0].to: a step cannot lead to itself"},
		},
		{
			name:        "twice the same, once with the default spelled out",
			connections: []Connection{{From: "a", To: "b"}, {From: "a", To: "b", Type: ConnectionDefault}},
			want:        []string{"error duplicate_connection connections[1]: the connection is there twice"},
		},
		{
			name:        "two of one type, the second one twice",
			connections: []Connection{{From: "start", To: "a"}, {From: "start", To: "b"}, {From: "start", To: "b"}},
			want: []string{
				`error ambiguous_connection connections[1].type: a connection of type "default" leads from step "start" to step "a" already`,
				"error duplicate_connection connections[2]",
			},
		},
		{
			name:        "a delay has no branches",
			connections: []Connection{{"a", "b", ConnectionConditionMet}},
			want:        []string{`error invalid_connection_type connections[0].type: a step of type "delay" has no connection of type "condition_met": use "default"`},
		},
		{
			name:        "a condition has no default",
			connections: []Connection{{From: "pro?", To: "b"}},
			want:        []string{`error invalid_connection_type connections[0].type: a step of type "condition" has no connection of type "default": use "condition_met" or "condition_not_met"`},
		},
		{
			name:        "a wait decides nothing",
			connections: []Connection{{"paid?", "b", ConnectionConditionMet}},
			want:        []string{`error invalid_connection_type connections[0].type: a step of type "wait_for_event" has no connection of type "condition_met": use "event_received" or "timeout" or "default"`},
		},
		{
			name: "a wait takes default beside another",
			connections: []Connection{
				{"paid?", "a", ConnectionEventReceived}, {"paid?", "b", ConnectionDefault},
			},
		},
		{
			name: "a wait with a branch for each outcome never takes default",
			connections: []Connection{
				{"paid?", "a", ConnectionEventReceived}, {"paid?", "b", ConnectionTimeout}, {"paid?", "page", ConnectionDefault},
			},
			want: []string{`warning connection_never_taken connections[2]: the connection is never taken, because step "paid?" has another one`},
		},
		{
			name:        "a wait without timeout never takes default beside event_received",
			connections: []Connection{{From: "ever?", To: "b"}, {"ever?", "a", ConnectionEventReceived}},
			want:        []string{`warning connection_never_taken connections[0]`},
		},
		{
			name:        "a wait takes default beside timeout",
			connections: []Connection{{"paid?", "a", ConnectionTimeout}, {From: "paid?", To: "b"}},
		},
		{
			name:        "timeout of a wait that has none",
			connections: []Connection{{"ever?", "b", ConnectionTimeout}},
			want:        []string{`error timeout_without_timeout connections[0].type: the wait never times out: give step "ever?" a timeout`},
		},
		{
			name:        "a custom step takes its own branches and default",
			connections: []Connection{{"page", "a", "nobody_home"}, {"page", "b", ConnectionDefault}},
		},
		{
			name:        "a custom step takes no other branches",
			connections: []Connection{{"page", "a", ConnectionTimeout}},
			want:        []string{`error invalid_connection_type connections[0].type: a step of type "acme.pager" has no connection of type "timeout": use "default" or "nobody_home"`},
		},
		{
			name:        "nothing is known about the branches of an unknown type",
			connections: []Connection{{"odd", "a", "sideways"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := Automation{Name: "Test", Steps: steps, Connections: test.connections}
			problems := Validate(a, ValidateOptions{Registry: pagerRegistry()})
			assertProblems(t, test.want, aboutConnections(problems))
		})
	}
}

func aboutConnections(problems Problems) Problems {
	var out Problems
	for _, p := range problems {
		if p.Connection != nil {
			out = append(out, p)
		}
	}
	return out
}
