package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/seed-b636437c/automation"
)

func routes(db *database) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signup", db.signup)
	return mux
}

// insertUser relies on the email being unique.
const insertUser = `INSERT INTO users (email, plan) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING`

// signup creates a user and sends user.created, in one transaction.
func (d *database) signup(w http.ResponseWriter, r *http.Request) {
	email, plan := r.PostFormValue("email"), r.PostFormValue("plan")
	tx, err := d.db.BeginTx(r.Context(), nil)
	if err != nil {
		refuse(w, err)
		return
	}
	defer tx.Rollback() // has no effect after the commit
	res, err := tx.ExecContext(r.Context(), insertUser, email, plan)
	if err != nil {
		refuse(w, err)
		return
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		refuse(w, errors.Join(err, errTaken))
		return
	}
	payload, _ := json.Marshal(map[string]string{"plan": plan})
	if _, err := automation.Send(r.Context(), d.events(tx), automation.Event{
		Name: "user.created", Email: email, Payload: payload,
	}); err != nil {
		refuse(w, err) // the user is not created either
		return
	}
	if err := tx.Commit(); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "Welcome, %s.\n", email)
}

var errTaken = errors.New("there is an account with this email already")

// refuse answers a request that changes nothing.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errTaken):
		http.Error(w, err.Error(), http.StatusConflict)
	case errors.Is(err, automation.ErrInvalid): // an invalid email, for example
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	default:
		slog.Error("signup", "error", err)
		http.Error(w, "something went wrong", http.StatusInternalServerError)
	}
}
