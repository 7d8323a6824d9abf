package timeline

// until describes the end of a step that waited until an instant.
func until(out stepOutput) string {
	switch out.Result {
	case "past":
		return "-> past   " + out.ResumeAt + " had passed"
	case "missing":
		return "has no date"
	default:
		return "has come   " + zone(out)
	}
}

// zone describes the zone of a step, and why it is not the one that was meant.
func zone(out stepOutput) string {
	switch out.Source {
	case "fallback_missing":
		return out.Zone + ", because no zone is given"
	case "fallback_invalid":
		return out.Zone + ", because the zone cannot be loaded"
	default:
		return out.Zone
	}
}
