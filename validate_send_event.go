package automation

import "github.com/seed-b636437c/automation/internal/jsondoc"

func (c *stepValidator) validateSendEvent(s SendEvent) {
	c.validateEventName(s.EventName)
	c.validateValues("config.payload", s.Payload)
	if s.EventName != "" && s.EventName == c.graph.triggerEvent() {
		c.warnf(CodeEventLoop, "config.event_name", "event %s is the one that starts this automation, which no event of its own runs does: "+
			"send an event with another name, unless only other automations are to start", jsondoc.Quote(s.EventName))
	}
}
