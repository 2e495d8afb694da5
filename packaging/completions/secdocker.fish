# Completion of secdocker's command line for fish.
set -l commands run check explain plugin-test redirect init schema help
set -l presets read-only traefik portainer watchtower jenkins gitlab-runner testcontainers
set -l none "not __fish_seen_subcommand_from $commands"

complete -c secdocker -f
complete -c secdocker -s h -l help -d 'How it is used'
complete -c secdocker -s V -l version -d 'The version'
complete -c secdocker -n $none -a run -d 'Stand between Docker clients and the daemon'
complete -c secdocker -n $none -a check -d 'Check a configuration and say what it means'
complete -c secdocker -n $none -a explain -d 'Say what would be refused of a request'
complete -c secdocker -n $none -a plugin-test -d 'Ask a plugin about an image'
complete -c secdocker -n $none -a redirect -d 'Lead connections of clients to SecDocker'
complete -c secdocker -n $none -a init -d 'Write a commented configuration'
complete -c secdocker -n $none -a schema -d 'Print the JSON Schema of the configuration'
complete -c secdocker -n $none -a help -d 'Say how it is used'

set -l configured "$none; or __fish_seen_subcommand_from run check explain redirect init"
complete -c secdocker -n $configured -l config -r -F -d 'The configuration'
set -l listening "$none; or __fish_seen_subcommand_from run check redirect"
complete -c secdocker -n $listening -l listen -x -d 'Listen on this address:port or port'
complete -c secdocker -n $listening -l tcp -x -d 'Listen on this port'
complete -c secdocker -n "$none; or __fish_seen_subcommand_from run check" -l variables -d 'Read the variables of socket proxies'
complete -c secdocker -n '__fish_seen_subcommand_from check explain plugin-test' -F
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l target -x -d 'Where it would go'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l method -x -d 'How it would go there'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l header -x -d 'A header line of it'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l client -x -d 'An entry of clients'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l as-network -x -d 'From this address'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l as-user -x -a '(__fish_complete_users)' -d 'By this user'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l as-certificate -x -d 'With this certificate'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l as-cgroup -x -d 'In this control group'
complete -c secdocker -n '__fish_seen_subcommand_from explain' -l as-container -x -d 'This container'
complete -c secdocker -n '__fish_seen_subcommand_from redirect' -a 'show add remove status'
complete -c secdocker -n '__fish_seen_subcommand_from redirect' -l port -x -d 'The ports that clients connect to'
complete -c secdocker -n '__fish_seen_subcommand_from redirect' -l local -d 'Clients of this host too'
complete -c secdocker -n '__fish_seen_subcommand_from redirect' -l family -x -a '4 6 both' -d 'Which protocols'
complete -c secdocker -n '__fish_seen_subcommand_from redirect' -l backend -x -a 'nft iptables' -d 'By which program'
complete -c secdocker -n '__fish_seen_subcommand_from init' -a "$presets"
