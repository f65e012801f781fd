/**
 * Takes the last version back, or goes to the version `to`.
 *
 *     cdmlRollback environment: params.ENVIRONMENT, to: params.VERSION, reason: params.REASON
 */
def call(Map given = [:]) {
    Map names = [
        // generated
        config: 'CDML_ROLLBACK_CONFIG',
        outputDir: 'CDML_ROLLBACK_OUTPUT_DIR',
        to: 'CDML_ROLLBACK_TO',
        environment: 'CDML_ROLLBACK_ENVIRONMENT',
        reason: 'CDML_ROLLBACK_REASON',
        requestId: 'CDML_ROLLBACK_REQUEST_ID',
        envAllow: 'CDML_ENV_ALLOW',
        allowHosts: 'CDML_ALLOW_HOSTS',
        source: 'CDML_SOURCE',
        revision: 'CDML_REVISION',
        cache: 'CDML_CACHE',
        python: 'CDML_PYTHON',
        storage: 'CDML_STORAGE',
        // end
    ]
    // Not the lock of a deploy, which makes room for a rollback by the journal's lock.
    return cdmlLock('cdml-rollback', given) { cdmlCommand('rollback', names, given) }
}
