# Completion of secdocker's command line for bash.
_secdocker() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= index
    local commands="run check explain plugin-test redirect init schema help"
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        case " $commands " in *" ${COMP_WORDS[index]} "*) command=${COMP_WORDS[index]} && break ;; esac
    done
    case $before in
        --config)
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        --family) mapfile -t COMPREPLY < <(compgen -W "4 6 both" -- "$word"); return ;;
        --backend) mapfile -t COMPREPLY < <(compgen -W "nft iptables" -- "$word"); return ;;
        --as-user) mapfile -t COMPREPLY < <(compgen -u -- "$word"); return ;;
        --listen | --tcp | --port | --target | --method | --header | --client | --as-network | --as-certificate | --as-cgroup | --as-container) return ;;
    esac
    local options="--help --version"
    case $command in
        "" | run | check) options+=" --config --listen --tcp --variables" ;;
        explain) options+=" --config --target --method --header --client --as-network --as-user --as-certificate --as-cgroup --as-container" ;;
        redirect) options+=" --config --listen --tcp --port --local --family --backend" ;;
        init) options+=" --config" ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    case $command in
        "") mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
        check | explain | plugin-test) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        redirect)
            if [[ $before == redirect ]]; then
                mapfile -t COMPREPLY < <(compgen -W "show add remove status" -- "$word")
            fi
            ;;
        init)
            mapfile -t COMPREPLY < <(compgen -W "read-only traefik portainer watchtower jenkins \
                gitlab-runner testcontainers" -- "$word")
            ;;
    esac
}
complete -o filenames -F _secdocker secdocker
