/**
 * Watches the version that serves, on a schedule. A proven degradation fails the build; where what serves is not
 * watched, it is unstable.
 *
 *     cdmlMonitor environment: 'production', credentials: [CDML_GITHUB_TOKEN: 'cdml-deliver']
 */
def call(Map given = [:]) {
    Map options = [
        // generated
        config: 'CDML_MONITOR_CONFIG',
        outputDir: 'CDML_MONITOR_OUTPUT_DIR',
        environment: 'CDML_MONITOR_ENVIRONMENT',
        dryRun: 'CDML_MONITOR_DRY_RUN',
        // end
    ]
    return cdmlCommand('monitor', options, given)
}
