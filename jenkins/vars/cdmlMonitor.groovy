/**
 * Watches the version that serves, on a schedule. A proven degradation fails the build; where what serves is not
 * watched, it is unstable.
 *
 *     cdmlMonitor environment: 'production', credentials: [CDML_GITHUB_TOKEN: 'cdml-deliver']
 */
def call(Map given = [:]) {
    Map names = [
        // generated
        config: 'CDML_MONITOR_CONFIG',
        outputDir: 'CDML_MONITOR_OUTPUT_DIR',
        environment: 'CDML_MONITOR_ENVIRONMENT',
        dryRun: 'CDML_MONITOR_DRY_RUN',
        envAllow: 'CDML_ENV_ALLOW',
        allowHosts: 'CDML_ALLOW_HOSTS',
        source: 'CDML_SOURCE',
        revision: 'CDML_REVISION',
        cache: 'CDML_CACHE',
        python: 'CDML_PYTHON',
        storage: 'CDML_STORAGE',
        // end
    ]
    return cdmlCommand('monitor', names, given)
}
