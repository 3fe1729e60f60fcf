// What the page says, in both of its languages.
const en = {
  skip: "Skip to the content", applications: "Applications", customers: "Customers", new_application: "New application",
  simulation: "Simulator", search: "Search", search_applications: "Customer or purpose", search_customers: "Name or tax id",
  state: "State", any_state: "All", number: "No.", customer: "Customer", amount: "Amount", nothing_found: "Nothing found.",
  more: "Show more", name: "Name", tax_id: "Tax id", income: "Monthly income", email: "E-mail", phone: "Phone",
  new_customer: "New customer", add_customer: "Add customer", rate: "Yearly rate, %", months: "Months", method: "Instalments",
  french: "Constant instalment (French)", constant_principal: "Constant principal", french_short: "French", constant_principal_short: "Constant principal", purpose: "Purpose",
  file_application: "File application", at_a_glance: "At a glance",
  rounding: "Whole cents; each month's interest is rounded half up; the last instalment absorbs the rest.",
  keys: "Keys: / search · N new application · 1 2 3 4 sections · ↑ ↓ rows · Enter open", choose: "Choose an application to see it here.",
  first_instalment: "First instalment", instalment: "Instalment", last_instalment: "Last instalment", total_interest: "Total interest",
  total: "Total to pay", count: "Instalments", created: "Filed", disbursed_on: "Disbursed", balance: "Outstanding",
  next_due: "Next instalment", due_on: "due {}", payoff: "To pay it off today", book_payment: "Book payment", pay_amount: "Amount paid",
  payments: "Payments", interest: "Interest", principal: "Principal", early: "Early", day: "Day", schedule: "Schedule agreed",
  history: "History", documents: "Documents", kind: "Kind", file: "File", add_document: "Note document",
  document_hint: "Only its name, size and SHA-256 are kept here.", identity: "Identity", payslip: "Payslip", contract: "Contract",
  other: "Other", note: "Note (optional)", rating: "Burden of instalments", good: "good", fair: "fair", poor: "poor",
  all_of_customer: "Applications of {}", show_all: "show all", repaid_share: "{} % repaid", customer_added: "Customer {} added.",
  application_filed: "Application {} filed.", payment_booked: "Payment booked.", document_noted: "Document noted.", moved: "Now {}.",
  offline: "The desk does not answer. Check the connection and try again.", dark: "Dark", light: "Light", other_language: "Español",
  revision: "version {}", early_month: "Early repayment with instalment", early_amount: "Early repayment", agreed: "As agreed",
  with_early: "With early repayment", early_schedule: "Every instalment, with early repayment", saved_interest: "Interest saved", saved_months: "Months saved",
  simulate_terms: "Loan", chart_label: "Instalments and outstanding balance by month", first_column: "No.",
  secure_only: "This browser computes SHA-256 on secure pages only: open the page at a .localhost name or over HTTPS.",
  to: { submitted: "Submit", in_review: "Begin review", approved: "Approve", rejected: "Reject", cancelled: "Cancel application",
    disbursed: "Disburse", defaulted: "Mark as defaulted" },
  states: { draft: "Draft", submitted: "Submitted", in_review: "In review", approved: "Approved", rejected: "Rejected",
    cancelled: "Cancelled", disbursed: "Disbursed", defaulted: "Defaulted", repaid: "Repaid" },
};

const es = {
  skip: "Saltar al contenido", applications: "Expedientes", customers: "Clientes", new_application: "Expediente nuevo",
  simulation: "Simulador", search: "Buscar", search_applications: "Cliente o finalidad", search_customers: "Nombre o documento",
  state: "Estado", any_state: "Todos", number: "N.º", customer: "Cliente", amount: "Importe", nothing_found: "No se encontró nada.",
  more: "Ver más", name: "Nombre", tax_id: "Documento fiscal", income: "Ingreso mensual", email: "Correo", phone: "Teléfono",
  new_customer: "Cliente nuevo", add_customer: "Dar de alta", rate: "Tipo anual, %", months: "Meses", method: "Cuotas",
  french: "Cuota constante (francés)", constant_principal: "Amortización constante", french_short: "Francés", constant_principal_short: "Amortización constante", purpose: "Finalidad",
  file_application: "Abrir expediente", at_a_glance: "De un vistazo",
  rounding: "Céntimos enteros; el interés de cada mes se redondea al céntimo (medio hacia arriba); la última cuota absorbe el resto.",
  keys: "Teclas: / buscar · N expediente nuevo · 1 2 3 4 secciones · ↑ ↓ filas · Intro abrir", choose: "Elija un expediente para verlo aquí.",
  first_instalment: "Primera cuota", instalment: "Cuota", last_instalment: "Última cuota", total_interest: "Intereses totales",
  total: "Total a pagar", count: "Cuotas", created: "Abierto", disbursed_on: "Desembolsado", balance: "Pendiente",
  next_due: "Próxima cuota", due_on: "vence el {}", payoff: "Para cancelarlo hoy", book_payment: "Registrar pago", pay_amount: "Importe pagado",
  payments: "Pagos", interest: "Interés", principal: "Capital", early: "Anticipo", day: "Día", schedule: "Cuadro acordado",
  history: "Historial", documents: "Documentos", kind: "Tipo", file: "Fichero", add_document: "Anotar documento",
  document_hint: "Aquí solo se guardan su nombre, tamaño y SHA-256.", identity: "Identidad", payslip: "Nómina", contract: "Contrato",
  other: "Otro", note: "Nota (opcional)", rating: "Carga de cuotas", good: "buena", fair: "aceptable", poor: "mala",
  all_of_customer: "Expedientes de {}", show_all: "ver todos", repaid_share: "{} % devuelto", customer_added: "Cliente {} dado de alta.",
  application_filed: "Expediente {} abierto.", payment_booked: "Pago registrado.", document_noted: "Documento anotado.", moved: "Ahora: {}.",
  offline: "La mesa no responde. Compruebe la conexión y vuelva a intentarlo.", dark: "Oscuro", light: "Claro", other_language: "English",
  revision: "versión {}", early_month: "Anticipo con la cuota", early_amount: "Pago anticipado", agreed: "Según contrato",
  with_early: "Con el anticipo", early_schedule: "Todas las cuotas, con el anticipo", saved_interest: "Intereses ahorrados", saved_months: "Meses ahorrados",
  simulate_terms: "Préstamo", chart_label: "Cuotas y capital pendiente por mes", first_column: "N.º",
  secure_only: "Este navegador calcula el SHA-256 solo en páginas seguras: abra la página en un nombre .localhost o por HTTPS.",
  to: { submitted: "Presentar", in_review: "Iniciar revisión", approved: "Aprobar", rejected: "Rechazar", cancelled: "Anular expediente",
    disbursed: "Desembolsar", defaulted: "Declarar impago" },
  states: { draft: "Borrador", submitted: "Presentado", in_review: "En revisión", approved: "Aprobado", rejected: "Rechazado",
    cancelled: "Anulado", disbursed: "Desembolsado", defaulted: "Impagado", repaid: "Devuelto" },
};

const kept = localStorage.getItem("language");
export const language = kept ?? (navigator.language.startsWith("es") ? "es" : "en");
export const words = language === "es" ? es : en;

export function say(key, ...values) {
  return values.reduce((text, value) => text.replace("{}", value), words[key] ?? key);
}

const decimals = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2, useGrouping: "always" });
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });

// Cents as people read them.
export const money = (cents) => decimals.format(cents / 100);
export const day = (text) => days.format(new Date(text));

// What people write, with a point or a comma before the cents, as hundredths; NaN when it is no number.
export function hundredths(text) {
  const bare = text.replace(/[\s\u00a0']/g, "");
  const parts = /^(-?[\d.,]*?\d)(?:[.,](\d{1,2}))?$/.exec(bare);
  if (!parts) return NaN;
  return Number(parts[1].replace(/[.,]/g, "")) * 100 + (parts[1].startsWith("-") ? -1 : 1) * Number((parts[2] ?? "").padEnd(2, "0"));
}
