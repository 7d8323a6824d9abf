package record_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const aUUID = "0195a3c0-7d00-7abc-8def-00000000000f"

func TestOwner_TellsIDsAndEmailsApart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ref   automation.ContactRef
		owner string
	}{
		{automation.ContactRef{ID: aUUID}, aUUID},
		{automation.ContactRef{ID: "42"}, "=42"},
		{automation.ContactRef{ID: "@x"}, "=@x"},
		{automation.ContactRef{ID: "=x"}, "==x"},
		{automation.ContactRef{ID: "ada@example.com"}, "=ada@example.com"},
		{automation.ContactRef{ID: strings.ToUpper(aUUID)}, "=" + strings.ToUpper(aUUID)},
		{automation.ContactRef{Email: "ada@example.com"}, "@ada@example.com"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.owner, record.Owner(tt.ref))
		assert.Equal(t, tt.ref, record.Ref(tt.owner))
	}
	assert.Equal(t, "@ada@example.com", record.Owner(automation.ContactRef{Email: "Ada@Example.com"}))
}

func TestUUID_CanonicalFormOnly(t *testing.T) {
	t.Parallel()
	b, ok := record.UUID(aUUID)
	require.True(t, ok)
	assert.Equal(t, aUUID, record.UUIDText(b))
	for _, id := range []string{"", "x", strings.ToUpper(aUUID), strings.ReplaceAll(aUUID, "-", ""), aUUID[:35], aUUID + "0", "{" + aUUID[1:], strings.Replace(aUUID, "a", "g", 1), strings.Replace(aUUID, "-", "0", 1)} {
		_, ok := record.UUID(id)
		assert.False(t, ok, id)
	}
}

func TestCodes_ComeBack(t *testing.T) {
	t.Parallel()
	for _, s := range []automation.RunStatus{automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled} {
		assert.Equal(t, s, record.StatusOf(record.StatusCode(s)))
	}
	for _, c := range []automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry} {
		assert.Equal(t, c, record.RequestOf(record.RequestCode(c)))
	}
	assert.Equal(t, record.Failed, record.StatusCode(automation.RunFailed))
	assert.Equal(t, record.RequestRetry, record.RequestCode(automation.RequestRetry))
	assert.Equal(t, int16(-1), record.StatusCode("new"))
	assert.Equal(t, automation.RunStatus("unknown status 9"), record.StatusOf(9))
	assert.Equal(t, automation.RunRequest("unknown control -1"), record.RequestOf(-1))
}

func TestProperties_KeepNumbersExactly(t *testing.T) {
	t.Parallel()
	in := map[string]any{"n": json.Number("9007199254740993"), "f": json.Number("0.10"), "big": json.Number("1E400"), "s": "<é>", "b": true}
	text, err := record.EncodeProperties(in)
	require.NoError(t, err)
	out, err := record.DecodeProperties(text)
	require.NoError(t, err)
	assert.Equal(t, in, out)

	text, err = record.EncodeProperties(nil)
	require.NoError(t, err)
	assert.Empty(t, text)
	out, err = record.DecodeProperties("")
	require.NoError(t, err)
	assert.Nil(t, out)

	_, err = record.EncodeProperties(map[string]any{"f": func() {}})
	require.Error(t, err)
	_, err = record.DecodeProperties("[]")
	require.Error(t, err)
}

func TestSegmentsMoved(t *testing.T) {
	t.Parallel()
	joined, left := record.SegmentChanges([]string{"a", "b"}, []string{"b", "c", "d"})
	assert.Equal(t, []string{"c", "d"}, joined)
	assert.Equal(t, []string{"a"}, left)
}

func TestSegments_ComeBack(t *testing.T) {
	t.Parallel()
	for _, in := range [][]string{nil, {"vip"}, {"<é>", "", "a,b"}} {
		text, err := record.EncodeSegments(in)
		require.NoError(t, err)
		out, err := record.DecodeSegments(text)
		require.NoError(t, err)
		assert.Equal(t, in, out)
	}
	_, err := record.DecodeSegments("{}")
	require.Error(t, err)
}

func TestError_DamagedOneIsShown(t *testing.T) {
	t.Parallel()
	e := &automation.StepError{Code: "c", Message: "m \x00 <é>"}
	assert.Equal(t, e, record.DecodeError(record.EncodeError(e)))
	assert.Nil(t, record.DecodeError(record.EncodeError(nil)))
	assert.Equal(t, &automation.StepError{Code: automation.FailedDamaged, Message: "{"}, record.DecodeError("{"))
}

func TestWaves_NoContactTwiceAndInOrder(t *testing.T) {
	t.Parallel()
	var ts []automation.Transition
	for _, id := range []string{"a", "b", "a", "c", "a", "b"} {
		ts = append(ts, automation.Transition{Key: automation.ContactRef{ID: id}})
	}
	for _, email := range []string{"a", "A"} {
		ts = append(ts, automation.Transition{Key: automation.ContactRef{Email: email}})
	}
	assert.Equal(t, [][]int{{0, 1, 3, 6}, {2, 5, 7}, {4}}, record.Waves(ts))
	assert.Empty(t, record.Waves(nil))
}

func TestTally_SortedAndWithoutWhatCancelsOut(t *testing.T) {
	t.Parallel()
	tally := record.Tally{}
	at := func(step string, status int16) *record.RunGroup {
		return &record.RunGroup{Automation: 1, Version: 2, Status: status, Step: step}
	}
	tally.Move(nil, at("a", record.Running))
	tally.Move(at("a", record.Running), at("b", record.Running))
	tally.Move(at("b", record.Running), at("b", record.Completed))
	tally.Move(nil, at("a", record.Running))
	tally.Move(at("c", record.Failed), nil)
	assert.Equal(t, []record.Delta{
		{RunGroup: *at("a", record.Running), N: 1},
		{RunGroup: *at("b", record.Completed), N: 1},
		{RunGroup: *at("c", record.Failed), N: -1},
	}, tally.Changes())
}

func TestPageOf(t *testing.T) {
	t.Parallel()
	p := record.PageOf([]int{9, 8, 7}, automation.PageQuery{Limit: 2})
	assert.Equal(t, automation.Page[int]{Data: []int{9, 8}, HasMore: true}, p)
	p = record.PageOf([]int{7, 8, 9}, automation.PageQuery{Limit: 2, Before: "6"})
	assert.Equal(t, automation.Page[int]{Data: []int{8, 7}, HasMore: true}, p)
	p = record.PageOf([]int{9, 8}, automation.PageQuery{Limit: 2, After: "10"})
	assert.Equal(t, automation.Page[int]{Data: []int{9, 8}}, p)
}
