package automation

import "time"

// Limits bound what an automation and an event may hold. A zero field means
// the default, which is Resend's where Resend has such a limit. New refuses a
// negative field; Validate and Compile read it as zero.
type Limits struct {
	Steps        int           // steps in an automation: 150
	Duration     time.Duration // a delay or a wait's timeout: 30 days
	RuleDepth    int           // nesting of groups in a rule: 10
	Rules        int           // comparisons and groups in a rule: 100
	PayloadBytes int           // an event's payload: 256 KiB
	StepKeyBytes int           // a step key: 128
}

// check reports the limits that are negative.
func (l Limits) check(o *optionCheck) {
	o.notNegative("Limits.Steps", l.Steps)
	o.durationNotNegative("Limits.Duration", l.Duration)
	o.notNegative("Limits.RuleDepth", l.RuleDepth)
	o.notNegative("Limits.Rules", l.Rules)
	o.notNegative("Limits.PayloadBytes", l.PayloadBytes)
	o.notNegative("Limits.StepKeyBytes", l.StepKeyBytes)
}

// withDefaults returns l with its zero and negative fields filled in.
func (l Limits) withDefaults() Limits {
	def := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	def(&l.Steps, 150)
	def(&l.RuleDepth, 10)
	def(&l.Rules, 100)
	def(&l.PayloadBytes, 256<<10)
	def(&l.StepKeyBytes, 128)
	if l.Duration <= 0 {
		l.Duration = 30 * 24 * time.Hour
	}
	return l
}
