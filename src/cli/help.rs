//! What `secdocker --help` prints.

pub(super) const HELP: &str = "\
SecDocker: an application firewall for the Docker Engine API

usage:
  secdocker [run] [--config FILE] [--listen ADDRESS | --tcp PORT]
      stand between Docker clients and the daemon until SIGTERM or SIGINT;
      SIGHUP opens the log anew and reads the configuration again;
      SIGUSR2 starts the program anew in its place, without a cut
  secdocker check [FILE]
      check a configuration and say in plain words what it forbids and forces
  secdocker explain [--config FILE] [--target TARGET] [CLIENT] REQUEST
      say what would be refused of the body in the file REQUEST (- is standard input),
      by which rule; print the body that would be forwarded of what would pass
  secdocker plugin-test LIBRARY IMAGE
      load a plugin, ask it about a container of the image, and print what it says
  secdocker redirect show|add|remove|status [--config FILE] [--port PORTS] [--local]
                     [--family 4|6|both] [--backend nft|iptables]
      print, set or take away the rules that lead connections of clients to SecDocker,
      or try whether they come, and say who can reach the daemon past it
  secdocker init [PRESET] [--config FILE]
      write a commented configuration, for what a preset is for, where there is none yet
  secdocker schema
      print the JSON Schema of the configuration, by which editors complete and check it

options:
  --config FILE      the configuration; config.yml in the working directory by
                     default, then /etc/secdocker/config.yml
  --listen ADDRESS   listen on this address:port or port, whatever the configuration says
  --tcp PORT         the same for a port of every address; -tcp PORT works too
  --variables        what may be called is said by variables of the environment, as for socket
                     proxies (CONTAINERS=1, POST=0 ...), not by `endpoints`
  --target TARGET    where the request would go, /containers/create by default
  --method METHOD    how it would go there, POST by default
  --header LINE      explain: a header line that it would have, such as \"Expect: 100-continue\";
                     may stand several times
  --client NAME      CLIENT: whose request it would be, an entry of `clients`
  --as-network IP, --as-user USER, --as-certificate NAME, --as-cgroup PATH,
  --as-container NAME|IMAGE|KEY=VALUE
                     or what would be known of it: its address, a user of this host, a
                     name in its certificate or its fingerprint, its control group, the
                     container that it is (name=…, image=… and label=… tell which is
                     meant; the last two options may stand several times)
  --port PORTS       redirect: the ports that clients connect to, 2375,2376 by default
  --local            redirect: clients of this host too, but what carries `upstream_mark`
  --family FAMILY    redirect: 4, 6 or both; by default what `listen.tcp` serves
  --backend PROGRAM  redirect: nft or iptables; by default the first that is installed
  -h, --help         this text
  -V, --version      the version

exit status: 0 done or allowed, 1 the request would be refused or connections do not
come, 2 an error
";
