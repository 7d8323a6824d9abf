// Package embedded starts a NATS server with JetStream inside the process: one server for
// development, or one of a cluster.
package embedded

import (
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
)

// Options are the options of Start.
type Options struct {
	// Dir is the folder of the data. It is required.
	Dir string
	// Name names the server. It is required in a cluster, and must not change.
	Name string
	// Listen is the address for clients of other processes, such as "127.0.0.1:4222". Empty
	// means that only this process is a client, without a network, or, in a cluster, that
	// clients of this machine can connect to a free port.
	Listen string
	// Cluster, if set, makes the server one of a cluster. Three or five servers need
	// the same Cluster.Name and each other's routes.
	Cluster Cluster
	// MaxStore is how many bytes of the disk all streams may take. When they take so many, the
	// servers refuse what would take more, until there is room again. The default is three
	// quarters of what is free when the server starts. A disk that is full all the same ends
	// JetStream on this server until it is started again.
	MaxStore int64
	// ReadyTimeout is how long Start waits until the server accepts clients. The default is
	// 20 seconds.
	ReadyTimeout time.Duration
	// Logger receives what the server logs. The default discards it.
	Logger *slog.Logger `json:"-"`
}

// Cluster is how a server finds the others.
type Cluster struct {
	Name   string   // the same on all servers
	Listen string   // the address for the other servers, such as "10.0.0.1:6222"
	Routes []string // the addresses of the others, such as "nats://10.0.0.2:6222"
	// Advertise is the address at which the others find this server, if that is not Listen,
	// as in a container. A server tells it to those that it is connected to.
	Advertise string
}

// Server is a server inside the process.
type Server struct{ server *server.Server }

// Start starts a server. Each write reaches the disk before it is acknowledged. A server of a
// cluster accepts clients before it has found the others, and streams then wait for a majority.
// The error is a *ValidationError for invalid options, and names what keeps the server from
// starting, such as an address that another process has.
func Start(opts Options) (*Server, error) {
	config, err := opts.config()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(config)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	log := newLogger(opts.Logger)
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	timeout := opts.ReadyTimeout
	if timeout <= 0 {
		timeout = 20 * time.Second
	}
	if err := ready(s, log, timeout); err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return &Server{s}, nil
}

// ready waits until a server accepts clients, or has logged that it never will.
func ready(s *server.Server, log *logger, timeout time.Duration) error {
	accepts := make(chan bool, 1)
	go func() { accepts <- s.ReadyForConnections(timeout) }()
	select {
	case err := <-log.fatal:
		return err
	case ok := <-accepts:
		if !ok {
			return fmt.Errorf("the server is not ready after %s", timeout)
		}
		return nil
	}
}

// maxPayload is the size of the largest message. The runs in progress of one contact are one
// message.
const maxPayload = 8 << 20

// A server that falls silent, as one does whose cable is pulled, keeps its share of the reads until
// the others close their routes to it: with these, within 4 to 6 seconds, which is as long as an
// election. The server's own defaults take up to 90 seconds.
const (
	routePing  = 2 * time.Second
	routePings = 2
)

func (o Options) config() (*server.Options, error) {
	var ps automation.Problems
	if o.Dir == "" {
		ps.Add(automation.CodeInvalidOption, "dir", "name the folder for the data")
	}
	clustered := o.Cluster.Name != ""
	if clustered && o.Name == "" {
		ps.Add(automation.CodeInvalidOption, "name", "a server of a cluster needs a name that does not change")
	}
	config := &server.Options{
		ServerName: o.Name, JetStream: true, StoreDir: o.Dir, SyncAlways: true, NoSigs: true,
		DontListen: o.Listen == "", MaxPayload: maxPayload, JetStreamMaxStore: o.MaxStore,
	}
	if o.MaxStore < 0 {
		ps.Add(automation.CodeInvalidOption, "max_store", "%d must not be negative", o.MaxStore)
	}
	if o.Listen != "" {
		config.Host, config.Port = hostPort(&ps, "listen", o.Listen)
	}
	if clustered && o.Listen == "" {
		config.Host, config.Port, config.DontListen = "127.0.0.1", server.RANDOM_PORT, false
	}
	if clustered {
		config.Cluster.Name, config.Cluster.Advertise = o.Cluster.Name, o.Cluster.Advertise
		config.Cluster.PingInterval, config.Cluster.MaxPingsOut = routePing, routePings
		config.Cluster.Host, config.Cluster.Port = hostPort(&ps, "cluster.listen", o.Cluster.Listen)
		for _, r := range o.Cluster.Routes {
			u, err := url.Parse(r)
			if err != nil {
				ps.Add(automation.CodeInvalidOption, "cluster.routes", "%q is no URL: %v", r, err)
				continue
			}
			config.Routes = append(config.Routes, u)
		}
	}
	return config, ps.Err("options of the embedded server")
}

// Connect returns a connection to the server, without a network.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("", append(opts, nats.InProcessServer(s.server))...)
}

// Close stops the server and waits until it has stopped. Its data stay.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// URL returns the address for clients of other processes. It is empty without Options.Listen.
func (s *Server) URL() string { return s.server.ClientURL() }
