package automation

import "testing"

func TestValidate_SendEvent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config SendEvent
		want   []string
	}{
		"a name is enough": {SendEvent{EventName: "cart.lost"}, nil},
		"a payload": {SendEvent{EventName: "cart.lost", Payload: map[string]Value{
			"a": Var("event.a"), "b": Var("contact.properties.plan"), "c": Null(), "d": Number(1), "e": Bool(true), "f": String("x"), "g": Var("run.id"),
		}}, nil},
		"no name": {SendEvent{}, []string{"error missing_field steps[1].config.event_name: the event name is missing"}},
		"a name of the engine": {SendEvent{EventName: "sys:contact.updated"}, []string{
			`error invalid_event_name steps[1].config.event_name: event name "sys:contact.updated" must not begin with "sys:"`}},
		"a name of Resend": {SendEvent{EventName: "resend:x"}, []string{"error invalid_event_name steps[1].config.event_name"}},
		"the event of the trigger": {SendEvent{EventName: "user.created"}, []string{
			`warning event_loop steps[1].config.event_name: event "user.created" is the one that starts this automation`}},
		"bad members": {SendEvent{EventName: "e", Payload: map[string]Value{"": Null(), "a": {}, "b": Var("wait_events.x.y"), "c": Var("x"), "d": Now("-7 days")}}, []string{
			"error invalid_config steps[1].config.payload: a name is empty",
			`error invalid_config steps[1].config.payload.a: "a" has no value`,
			"error invalid_reference steps[1].config.payload.c",
			"error invalid_config steps[1].config.payload.d",
			"error wait_event_not_waited_for steps[1].config.payload.b",
		}},
		"its own output": {SendEvent{EventName: "e", Payload: map[string]Value{"a": Var("steps.s.event_id")}}, []string{
			"error step_output_not_before steps[1].config.payload.a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Automation{Name: "Test", Steps: []Step{start, step("s", tt.config), step("end", aDelay)}, Connections: chain("start", "s", "end")}
			assertProblems(t, tt.want, Validate(a, ValidateOptions{}))
		})
	}
}
