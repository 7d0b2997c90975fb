//! What the server says about a field or a refusal by its code, where no sentence of it is known: Spanish and Brazilian
//! Portuguese. English is the server's own.

/// By the code of a field's fault or of a refusal.
pub(super) const CODES: &[(&str, [&str; 2])] = &[
    (
        "address_not_vouched",
        [
            "El proveedor no dice que su correo esté verificado: verifíquelo allí o elija una contraseña",
            "O provedor não diz que seu e-mail foi verificado: verifique-o lá ou escolha uma senha",
        ],
    ),
    ("already_decided", ["Ya se decidió", "Já foi decidido"]),
    ("already_reviewed", ["Este acceso ya se revisó", "Este acesso já foi revisado"]),
    (
        "append_only",
        [
            "Los registros de esta tabla no se cambian ni se quitan",
            "Os registros desta tabela não são mudados nem removidos",
        ],
    ),
    ("bad_address", ["No es una dirección a la que se pueda llamar", "Não é um endereço que se possa chamar"]),
    ("decided", ["Ya se decidió", "Já foi decidido"]),
    ("duplicate", ["Ya existe", "Já existe"]),
    ("empty", ["No puede estar vacío", "Não pode ficar vazio"]),
    ("erased", ["Esta persona fue borrada", "Esta pessoa foi apagada"]),
    ("held", ["Debe conservarse por ahora", "Deve ser conservado por enquanto"]),
    (
        "invitation_over",
        [
            "Esta invitación ya se usó, se reemplazó o venció: pida otro enlace",
            "Este convite já foi usado, foi substituído ou venceu: peça outro link",
        ],
    ),
    ("last_administrator", ["No quedaría nadie que administre cuentas", "Não restaria ninguém que administre contas"]),
    (
        "module_not_chosen",
        ["Su organización no trabaja con este módulo", "Sua organização não trabalha com este módulo"],
    ),
    (
        "network_not_allowed",
        ["Su organización no permite entrar desde esta red", "Sua organização não permite entrar desta rede"],
    ),
    ("no_such_record", ["Debe indicar un registro que exista", "Deve indicar um registro que exista"]),
    ("not_active", ["El usuario no está activo", "O usuário não está ativo"]),
    ("not_administrator", ["Lo decide un administrador", "Um administrador decide isso"]),
    ("not_allowed", ["Este valor no se admite", "Este valor não é aceito"]),
    ("not_the_same", ["No coincide", "Não coincide"]),
    ("not_writable", ["Lo llena el servidor", "É preenchido pelo servidor"]),
    (
        "of_age",
        [
            "A más tardar, el día anterior a los 18 años, salvo orden judicial o poder notarial",
            "No máximo, o dia anterior aos 18 anos, salvo ordem judicial ou procuração",
        ],
    ),
    (
        "other_address",
        [
            "Su cuenta en el proveedor tiene otro correo que el invitado: use esa cuenta o elija una contraseña",
            "Sua conta no provedor tem outro e-mail que não o convidado: use aquela conta ou escolha uma senha",
        ],
    ),
    ("other_person", ["Debe indicar un registro de esa persona", "Deve indicar um registro dessa pessoa"]),
    (
        "own_consent",
        [
            "Este consentimiento le abriría a usted mismo un registro cerrado: que lo escriba otra persona",
            "Este consentimento abriria a você mesmo um registro fechado: outra pessoa deve escrevê-lo",
        ],
    ),
    (
        "own_reach",
        [
            "Nadie se asigna personas a sí mismo: pídalo a otro administrador",
            "Ninguém atribui pessoas a si mesmo: peça a outro administrador",
        ],
    ),
    (
        "own_review",
        [
            "Nadie revisa su propio acceso de emergencia: pídalo a otra persona",
            "Ninguém revisa o próprio acesso de emergência: peça a outra pessoa",
        ],
    ),
    (
        "own_role",
        [
            "Nadie se da a sí mismo un rol, ni un plazo más largo: pídalo a otro administrador",
            "Ninguém dá a si mesmo um papel, nem um prazo maior: peça a outro administrador",
        ],
    ),
    ("prove_again", ["Dé primero su contraseña de nuevo", "Dê primeiro a sua senha de novo"]),
    (
        "purpose_denied",
        [
            "Sus roles no lo permiten para esta finalidad de uso",
            "Seus papéis não o permitem para esta finalidade de uso",
        ],
    ),
    ("required", ["Es obligatorio", "É obrigatório"]),
    (
        "restricted",
        [
            "Este contacto tiene una restricción judicial, no recibe información de salud o no tiene acceso al portal",
            "Este contato tem restrição judicial, não recebe informação de saúde ou não tem acesso ao portal",
        ],
    ),
    ("role_above_own", ["Va más allá de sus propios derechos", "Vai além dos seus próprios direitos"]),
    (
        "role_built_in",
        [
            "El rol vino con la organización: conserva su nombre y no se retira",
            "O papel veio com a organização: mantém o nome e não é aposentado",
        ],
    ),
    (
        "role_in_use",
        ["La credencial de emergencia abre con este rol", "A credencial de emergência abre com este papel"],
    ),
    ("role_retired", ["Este rol se retiró y ya no se da", "Este papel foi aposentado e não é mais dado"]),
    ("rotation_running", ["Ya hay un cambio de clave en curso", "Já há uma troca de chave em curso"]),
    (
        "scope_denied",
        [
            "Queda fuera de las personas y expedientes que alcanzan sus roles",
            "Fica fora das pessoas e prontuários que seus papéis alcançam",
        ],
    ),
    ("stale", ["Alguien lo cambió entretanto: véalo de nuevo", "Alguém o mudou nesse meio-tempo: veja de novo"]),
    ("too_long", ["Es demasiado largo", "É longo demais"]),
    ("too_short", ["Es demasiado corto", "É curto demais"]),
    ("too_weak", ["No cumple las reglas que aquí se indican", "Não cumpre as regras indicadas aqui"]),
    ("two_active", ["Ya funcionan dos", "Já funcionam dois"]),
    ("two_person_required", ["Hace falta otra persona", "É preciso outra pessoa"]),
    ("unknown_field", ["No es un campo de esto", "Não é um campo disto"]),
    ("wrong_code", ["Este código no es correcto", "Este código não está certo"]),
    ("wrong_form", ["No tiene la forma debida", "Não tem a forma devida"]),
    ("wrong_password", ["No es su contraseña", "Não é a sua senha"]),
    ("wrong_shape", ["No tiene la forma debida", "Não tem a forma devida"]),
    ("wrong_share", ["Esta parte no es correcta", "Esta parte não está certa"]),
    ("wrong_state", ["El estado no lo permite", "O estado não o permite"]),
    ("wrong_type", ["No es un valor de este campo", "Não é um valor deste campo"]),
];
