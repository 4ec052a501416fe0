package main

import (
	"flag"
	"io"
	"time"

	"flagger.app/flagger/internal/daemon"
)

// parse reads the command line, without the program's name. What is wrong with it is told on stderr, as is the help; the
// error is then flag.ErrHelp or says that the arguments cannot be read.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("loadtester", flag.ContinueOnError)
	fs.SetOutput(stderr)
	taskFlags(fs, o)
	accessFlags(fs, o)
	processFlags(fs, o)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return o, nil
}

func taskFlags(fs *flag.FlagSet, o *options) {
	fs.DurationVar(&o.timeout, "timeout", time.Hour,
		"`time` that a task may take")
	fs.IntVar(&o.maxTasks, "max-tasks", 1000,
		"tasks that may run at the same time; more are refused with status 503")
	fs.StringVar(&o.gatesConfigMap, "gates-configmap", "",
		"`namespace/name` of a ConfigMap that keeps gates and rollback switches, for several replicas; empty keeps them in memory")
	fs.StringVar(&o.kubeconfig, "kubeconfig", "",
		"`path` of a kubeconfig for -gates-configmap; needed only outside the cluster")
}

func accessFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.namespaceRegexp, "namespace-regexp", "",
		"`pattern` of the namespaces that are served; it matches any part of the name unless it begins with ^ and ends with $")
	fs.StringVar(&o.tokenFile, "token-file", "",
		"`path` of a file with the token that requests must carry: Authorization: Bearer, or http://:token@host as the webhook's URL")
	fs.StringVar(&o.concordKeys, "concord-keys", "",
		"`folder` that the files of apiKeyPath must lie in; empty for anywhere")
}

func processFlags(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.port, "port", "9090",
		"`port` to listen on, on all addresses; host:port for one of them")
	fs.StringVar(&o.logLevel, "log-level", "debug",
		"lowest `level` that is logged: debug, info, warning, error, fatal, panic; anything else means info")
	fs.StringVar(&o.zapEncoding, "zap-encoding", daemon.EncodingJSON,
		"`format` of the log, json or console")
	fs.BoolVar(&o.zapReplaceGlobals, "zap-replace-globals", false,
		"make the log the process-wide one of the zap library as well")
	fs.BoolVar(&o.version, "version", false,
		"print the version and exit")
}
