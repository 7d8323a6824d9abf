package memory_test

import (
	"testing"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/storebench"
	"github.com/seed-b636437c/automation/store/memory"
)

func BenchmarkFirstStep(b *testing.B) { storebench.FirstStep(b, memory.New()) }

func BenchmarkLargeOutputs(b *testing.B) { storebench.LargeOutputs(b, memory.New(), 10, 40) }

func BenchmarkProject(b *testing.B) { storebench.Project(b, memory.New()) }

func open(*testing.B) automation.Store { return memory.New() }

func BenchmarkOneContact(b *testing.B) { storebench.OneContact(b, open, 1_000, 10_000, 40_000) }

func BenchmarkOneContactEnds(b *testing.B) { storebench.OneContactEnds(b, open, 1_000, 10_000, 40_000) }
