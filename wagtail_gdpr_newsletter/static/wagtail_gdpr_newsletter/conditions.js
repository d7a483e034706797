/* Adds and removes conditions on what readers have answered, and offers in each what makes sense of its field. */
window.wagtail.app.register(
    "gdpr-newsletter-conditions",
    class extends window.StimulusModule.Controller {
        static targets = ["row", "rows", "template", "add", "shown"];
        static values = { fields: Object, withoutValue: Array, legend: String, remove: String, choose: String };

        connect() {
            this.form = this.element.closest("form");
            this.next = this.rowTargets.length;
            this.offer = ({ target }) => {
                if (target.name === "books") this.rowTargets.forEach((row) => this.offerFields(row));
            };
            this.form.addEventListener("change", this.offer);
            this.rowTargets.forEach((row) => this.suitRow(row, { isKept: true }));
            this.count();
        }

        disconnect() {
            this.form.removeEventListener("change", this.offer);
        }

        add() {
            this.rowsTarget.insertAdjacentHTML(
                "beforeend",
                this.templateTarget.innerHTML.replaceAll("__number__", this.next++),
            );
            const row = this.rowsTarget.lastElementChild;
            this.suitRow(row);
            this.count();
            this.part(row, "field").focus();
            this.tell();
        }

        remove({ target }) {
            const row = target.closest("fieldset");
            const neighbour = row.nextElementSibling || row.previousElementSibling;
            row.remove();
            this.count();
            (neighbour ? this.part(neighbour, "field") : this.addTarget).focus();
            this.tell();
        }

        suit({ target }) {
            this.suitRow(target.closest("fieldset"));
        }

        part(row, name) {
            return row.querySelector(`[data-part=${name}]`);
        }

        /* Whoever saves, counts or previews hears of a row only by a change of something in the form. */
        tell() {
            this.shownTarget.dispatchEvent(new Event("change", { bubbles: true }));
        }

        count() {
            [...this.rowsTarget.children].forEach((row, index) => {
                const say = (words) => words.replace("__number__", index + 1);
                row.querySelector("legend").textContent = say(this.legendValue);
                row.querySelector("button").setAttribute("aria-label", say(this.removeValue));
            });
        }

        suitRow(row, { isKept = false } = {}) {
            this.offerFields(row);
            const field = this.fieldsValue[this.part(row, "field").value];
            if (field) {
                this.offerComparisons(row, field);
                this.offerAnswers(row, field, isKept);
            }
            const comparison = this.part(row, "comparison");
            comparison.parentElement.hidden = !field;
            this.part(row, "value").parentElement.hidden = !field || this.withoutValueValue.includes(comparison.value);
        }

        /* Those of the chosen books. What is chosen stays: a disabled choice would not be sent. */
        offerFields(row) {
            const books = [...this.form.querySelectorAll("[name=books]:checked")].map((box) => box.value);
            const chosen = this.part(row, "field").selectedOptions[0]?.parentElement;
            for (const group of row.querySelectorAll("optgroup")) {
                group.disabled = group.hidden = !books.includes(group.dataset.book) && group !== chosen;
            }
        }

        offerComparisons(row, field) {
            const select = this.part(row, "comparison");
            const before = select.value;
            select.replaceChildren(...field.comparisons.map(([value, label]) => new Option(label, value)));
            const isOffered = field.comparisons.some(([value]) => value === before);
            select.value = isOffered ? before : field.comparisons[0][0];
        }

        /* A choice that was kept stays to be seen, if the field has it no more. */
        offerAnswers(row, field, isKept) {
            const before = this.part(row, "value");
            const after = document.createElement(field.choices.length ? "select" : "input");
            if (field.choices.length) {
                const isLost = isKept && before.value && !field.choices.includes(before.value);
                const choices = isLost ? [...field.choices, before.value] : field.choices;
                after.append(new Option(this.chooseValue, ""));
                after.append(...choices.map((choice) => new Option(choice, choice)));
            } else {
                after.type = field.control;
                after.step = "any"; // Of numbers, also those between; of times, to the second.
                after.autocomplete = "off";
            }
            after.name = before.name;
            after.id = before.id;
            after.dataset.part = "value";
            after.value = before.value;
            if (after.tagName === "SELECT" && after.selectedIndex < 0) after.value = "";
            before.replaceWith(after);
        }
    },
);
