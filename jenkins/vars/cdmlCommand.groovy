/**
 * Runs one command of cdml: what the other steps have in common.
 *
 * `own` are the variables of the command's options. The option `credentials` maps variables to the ids of
 * credentials of the kind Secret text; `checkout` is what the step of that name returned. No value passes through a
 * shell.
 */
int call(String command, Map own, Map given) {
    Map names = own + [
        // generated
        source: 'CDML_SOURCE',
        revision: 'CDML_REVISION',
        cache: 'CDML_CACHE',
        python: 'CDML_PYTHON',
        storage: 'CDML_STORAGE',
        envAllow: 'CDML_ENV_ALLOW',
        allowHosts: 'CDML_ALLOW_HOSTS',
        // end
    ]
    List variables = ["CDML_COMMAND=${command}".toString()]
    List secrets = []
    for (option in given) {
        if (option.key == 'credentials') {
            for (credential in option.value) {
                secrets << string(credentialsId: credential.value, variable: credential.key)
            }
        } else if (option.key == 'checkout') {
            for (fact in option.value) {
                variables << "${fact.key}=${fact.value}".toString()
            }
        } else if (!names.containsKey(option.key)) {
            error("cdml ${command} has no option ${option.key}; it has checkout, credentials, ${names.keySet().join(', ')}")
        } else if (option.value != null) {
            variables << "${names[option.key]}=${option.value}".toString()
        }
    }
    int code = 0
    withEnv(variables) {
        withCredentials(secrets) {
            code = sh(returnStatus: true, script: '''#!/bin/bash
                set -euo pipefail
                export CDML_CACHE="${CDML_CACHE:-$HOME/.cache/cdml}"
                if ! [[ ${CDML_REVISION:-} =~ ^[0-9a-f]{40,64}$ ]]; then
                  echo "CDML_REVISION must be a commit of cdml, in full." >&2
                  exit 2
                fi
                cdml="$CDML_CACHE/source/$CDML_REVISION"
                mkdir -p -- "$CDML_CACHE/source"
                if command -v flock >/dev/null; then exec 9>"$CDML_CACHE/lock"; flock -s 9; fi # against removal as unused
                if [[ -d $cdml ]]; then
                  touch -ac -- "$cdml/actions/job.sh" || true
                else
                  new="$(mktemp -d -- "$CDML_CACHE/source/new.XXXXXX")"
                  trap 'rm -rf -- "$new"' EXIT
                  git -C "$new" init --quiet
                  git -C "$new" fetch --quiet --depth 1 -- "${CDML_SOURCE:?names the git address of cdml}" "$CDML_REVISION"
                  git -C "$new" checkout --quiet --detach "$CDML_REVISION"
                  mv -- "$new" "$cdml"
                fi
                exec 9>&-
                "$cdml/actions/job.sh" "$CDML_COMMAND"
            ''')
        }
    }
    if (code == 3) {
        unstable("cdml ${command}: held, because the rows cannot settle it")
    } else if (code != 0) {
        error("cdml ${command} ended with exit code ${code}")
    }
    return code
}
