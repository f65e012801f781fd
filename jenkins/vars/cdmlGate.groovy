/**
 * Judges the model of a change request. A held change makes the build unstable; a rejected one, or one that could not
 * be judged, fails it.
 *
 *     cdmlGate model: 'models:/my-model@challenger', credentials: [MLFLOW_TRACKING_URI: 'mlflow-uri']
 *
 * Give it no credential that may write: cdmlReport posts the comment.
 */
def call(Map given = [:]) {
    Map options = [
        // generated
        config: 'CDML_GATE_CONFIG',
        outputDir: 'CDML_GATE_OUTPUT_DIR',
        model: 'CDML_GATE_MODEL',
        predictions: 'CDML_GATE_PREDICTIONS',
        data: 'CDML_GATE_DATA',
        champion: 'CDML_GATE_CHAMPION',
        register: 'CDML_GATE_REGISTER',
        reader: 'CDML_GATE_READER',
        select: 'CDML_GATE_SELECT',
        isolation: 'CDML_ISOLATION',
        isolationSudo: 'CDML_ISOLATION_SUDO',
        build: 'CDML_BUILD',
        // end
    ]
    return cdmlCommand('gate', options, given)
}
