/* Logistic regression of a label by one column, by gradient descent.
 *
 *     program fit ROUNDS INPUTS OUTPUTS        program predict INPUTS OUTPUTS
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 100000 };
static double x[MOST], y[MOST];

static FILE *opened(const char *folder, const char *name, const char *how) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, how);
    if (!file) { perror(path); exit(2); }
    return file;
}

/* The first column of a table. */
static int column(const char *folder, const char *name, double *values) {
    char line[4096];
    FILE *file = opened(folder, name, "r");
    int n = -1;
    while (fgets(line, sizeof line, file)) { if (n >= 0) values[n] = atof(line); n++; }
    fclose(file);
    return n;
}

static double answer(const double *w, double at) { return 1 / (1 + exp(-w[0] - w[1] * at)); }

int main(int count, char **given) {
    double w[2] = {0, 0};
    if (count == 5 && !strcmp(given[1], "fit")) {
        int n = column(given[3], "train/features.csv", x);
        if (n != column(given[3], "train/label.csv", y)) return 3;
        for (int round = 1; round <= atoi(given[2]); round++) {
            double slope[2] = {0, 0}, loss = 0;
            for (int k = 0; k < n; k++) {
                double p = answer(w, x[k]);
                loss -= (y[k] > 0.5 ? log(p) : log(1 - p)) / n;
                slope[0] += (y[k] - p) / n; slope[1] += (y[k] - p) * x[k] / n;
            }
            w[0] += 2 * slope[0]; w[1] += 2 * slope[1];
            printf("{\"step\": %d, \"loss\": %.17g}\n", round, loss);
        }
        fwrite(w, sizeof w, 1, opened(given[4], "weights", "wb"));
        return 0;
    }
    if (count != 4 || fread(w, sizeof w, 1, opened(given[2], "model/weights", "rb")) != 1) return 3;
    int n = column(given[2], "features/features.csv", x);
    FILE *out = opened(given[3], "predictions.csv", "w");
    fprintf(out, "prediction\n");
    for (int k = 0; k < n; k++) fprintf(out, "%.17g\n", answer(w, x[k]));
    return 0;
}
