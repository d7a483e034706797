/* Counts again whom a campaign reaches, a moment after its address books or what narrows them change. */
window.wagtail.app.register(
    "gdpr-newsletter-reach",
    class extends window.StimulusModule.Controller {
        static values = { url: String, names: Array, failed: String, wait: { type: Number, default: 400 } };

        connect() {
            this.form = this.element.closest("form");
            this.later = ({ target }) => {
                if (!this.isAbout(target.name)) return;
                clearTimeout(this.timer);
                this.timer = setTimeout(() => this.count(), this.waitValue);
            };
            this.form.addEventListener("input", this.later);
            this.form.addEventListener("change", this.later);
        }

        disconnect() {
            clearTimeout(this.timer);
            this.request?.abort();
            this.form.removeEventListener("input", this.later);
            this.form.removeEventListener("change", this.later);
        }

        /* Conditions consist of several: theirs begin alike. */
        isAbout(name = "") {
            return this.namesValue.some((each) => name === each || name.startsWith(`${each}-`));
        }

        async count() {
            this.request?.abort(); // What was chosen before is of no interest any more.
            const request = new AbortController();
            this.request = request;
            const body = new FormData();
            for (const [name, value] of new FormData(this.form)) {
                if (name === "csrfmiddlewaretoken" || this.isAbout(name)) body.append(name, value);
            }
            try {
                const headers = { "X-Requested-With": "XMLHttpRequest" };
                const response = await fetch(this.urlValue, { method: "POST", body, headers, signal: request.signal });
                if (!response.ok) throw new Error(response.statusText);
                this.element.innerHTML = await response.text();
            } catch {
                if (!request.signal.aborted) this.element.textContent = this.failedValue;
            }
        }
    },
);
