/**
 * Ships what the merged change requests were judged on; with `resume: true`, goes on with a paused canary.
 *
 *     cdmlDeploy credentials: [CDML_GITHUB_TOKEN: 'cdml-deliver', MLFLOW_TRACKING_URI: 'mlflow-uri']
 */
def call(Map given = [:]) {
    Map options = [
        // generated
        config: 'CDML_DEPLOY_CONFIG',
        outputDir: 'CDML_DEPLOY_OUTPUT_DIR',
        model: 'CDML_DEPLOY_MODEL',
        evidence: 'CDML_DEPLOY_EVIDENCE',
        environment: 'CDML_DEPLOY_ENVIRONMENT',
        dryRun: 'CDML_DEPLOY_DRY_RUN',
        override: 'CDML_DEPLOY_OVERRIDE',
        resume: 'CDML_DEPLOY_RESUME',
        adopt: 'CDML_DEPLOY_ADOPT',
        repair: 'CDML_DEPLOY_REPAIR',
        reason: 'CDML_DEPLOY_REASON',
        // end
    ]
    return cdmlLock('cdml-deploy', given) { cdmlCommand('deploy', options, given) }
}
