package record

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

// enginePrefix begins the source under which SQL stores keep the name of the engine that has
// the store. No projection has such a source.
const enginePrefix = "engine/"

// EngineSource returns the source that stands for an engine.
func EngineSource(engine string) string { return enginePrefix + engine }

// EngineOf returns the engine that a source stands for.
func EngineOf(source string) string { return strings.TrimPrefix(source, enginePrefix) }

// The sources that stand for engines are from EngineSources up to, without, EngineSourcesEnd,
// in the order of bytes.
const (
	EngineSources    = enginePrefix
	EngineSourcesEnd = "engine0"
)

// SourcesOf returns the bounds of the sources of an engine, in the order of bytes.
func SourcesOf(engine string) (from, until string) { return engine + "/", engine + "0" }

// CheckEngine returns why a store cannot be engaged by an engine with this name.
func CheckEngine(engine string) error {
	if engine == "" {
		return fmt.Errorf("give the engine a name: %w", automation.ErrInvalid)
	}
	return nil
}

// EngagedBy is for calls that only the engine which has the store may make.
func EngagedBy(engine string) error {
	return fmt.Errorf("%w %q: make the Runner on the store of that engine, or move back from it first", automation.ErrCatalog, engine)
}
